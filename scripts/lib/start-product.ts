import { basename } from "node:path";
import { Miniflare } from "miniflare";
import { buildIfStale } from "./build.ts";
import { followChildren } from "./child-pids.ts";
import { startCrons } from "./crons.ts";
import { takeDataDir, type DataDir } from "./data-dir.ts";
import { migrateAll } from "./migrate.ts";
import { requireMasterKeys } from "./master-keys.ts";
import { requireFreePort } from "./ports.ts";
import { API } from "./project.ts";
import { waitUntilReady } from "./readiness.ts";
import { type Alter, runtimeOptions } from "./runtime-options.ts";
import { LOCAL_DEFAULTS, localSecrets } from "./secrets.ts";
import { requiredSecrets } from "./worker-config.ts";

export type StartOptions = {
  /** 0: any free port. */
  port: number;
  /** Directory that holds all state; created when missing. */
  data: string;
  /** Variables and secrets by name, over the local defaults. */
  vars?: Record<string, string>;
  /** Collects traces that the bench counts operations from. Off by default: they are served on the product's port. */
  observability?: boolean;
  /** Has the last word on each Worker's bindings and modules: for benchmarks and tests. */
  alter?: Alter;
  /** Runs `scheduled()` of the consumers every minute, on by default; a test may prefer {@link Product.tick}. */
  crons?: boolean;
  /** Progress and the Workers' console; nothing by default. */
  say?: (message: string) => void;
};

export type Product = {
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  url: string;
  mf: Miniflare;
  /** The data directory, absolute. */
  data: string;
  secrets: Record<string, string>;
  /** Runs `scheduled()` of the consumers now. */
  tick(at?: Date): Promise<void>;
  /** Ends workerd and gives the data directory free. */
  stop(): Promise<void>;
};

/** Of the runtime; Miniflare takes them from the environment alone, again when it starts a runtime that ended. */
export const RUNTIME_FLAGS = "MINIFLARE_WORKERD_V8_FLAGS";

/** Megabytes of a half of an isolate's young garbage, where V8 takes 16: the local runtime has all isolates in one process. */
const FLAGS = "--max-semi-space-size=2";

/**
 * Starts the built product, as `npm start` does, and resolves when `/readyz` says 200.
 *
 * @throws DataDirBusyError, PortBusyError, MasterKeysError, NotReadyError, ToolError (the build)
 */
export async function startProduct(options: StartOptions): Promise<Product> {
  const say = options.say ?? (() => {});
  const data = await takeDataDir(options.data, ({ pid }) =>
    say(`Ended process ${pid}, left by a start that was killed.`),
  );
  try {
    return await startIn(data, options, say);
  } catch (error) {
    data.release();
    throw error;
  }
}

async function startIn(data: DataDir, options: StartOptions, say: (message: string) => void): Promise<Product> {
  await requireFreePort(options.port, "127.0.0.1");
  await buildIfStale(say);
  const secrets = localSecrets(data.path, requiredSecrets());
  const values: Record<string, string> = { ...LOCAL_DEFAULTS, ...secrets, ...options.vars };

  process.env[RUNTIME_FLAGS] ??= FLAGS;
  let url: string | undefined;
  let workerd: number[] = [];
  const unfollow = followChildren(
    (file) => basename(file).startsWith("workerd"),
    (pids) => data.record((workerd = pids), url),
  );
  const mf = new Miniflare(
    runtimeOptions({
      port: options.port,
      state: data.state,
      values,
      observability: options.observability ?? false,
      alter: options.alter,
      onLog: (level, message) => say(level === "log" || level === "info" ? message : `${level}: ${message}`),
      onRestart: () => say("The Workers runtime ended unexpectedly. It runs again, on the same address and data."),
    }),
  );
  let stopCrons = (): void => {};
  const stop = once(async () => {
    stopCrons();
    await mf.dispose();
    unfollow();
    data.release();
  });
  try {
    url = (await mf.ready).origin;
    data.record(workerd, url);
    await migrateAll(mf, API.name, say);
    await requireMasterKeys(await mf.getR2Bucket("BLOBS", API.name), values.MASTER_KEYS ?? "");
    await waitUntilReady(url);
    const crons = startCrons(mf, say);
    stopCrons = crons.stop;
    if (options.crons === false) stopCrons();
    return { url, mf, data: data.path, secrets, tick: crons.tick, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}
