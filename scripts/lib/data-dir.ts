import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { holdLock, LockedError } from "../../cli/places/lock.ts";
import { end, identify, type ProcessId } from "./processes.ts";

/**
 * A data directory held by this process:
 *
 *     pid            who runs here, with start times: {self, children, url}
 *     lock           held while they run; the system drops it with its holder
 *     secrets.json   generated on first start, mode 0600
 *     state/v3/      D1, R2, Durable Objects, cache: the layout of `wrangler dev --persist-to DIR/state`
 */
export type DataDir = {
  path: string;
  /** Directory for Miniflare's `resourcePersistencePath`. */
  state: string;
  /** Records processes that must not outlive this one. */
  record(children: readonly number[], url?: string): void;
  release(): void;
};

export class DataDirBusyError extends Error {
  override name = "DataDirBusyError";
}

const ProcessIdSchema = z.object({ pid: z.int().positive(), started: z.string() });
const PidFileSchema = z.object({
  self: ProcessIdSchema,
  children: z.array(ProcessIdSchema),
  url: z.string().optional(),
});

/** A holder whose terminal or npm is gone notices within a second and ends: worth waiting for before refusing. */
const HOLDER_ENDING_MS = 3_000;

/**
 * Takes a data directory, creating it when missing, and ends what a killed start left running in it.
 *
 * @throws DataDirBusyError when another start holds it
 */
export async function takeDataDir(path: string, onOrphan: (orphan: ProcessId) => void = () => {}): Promise<DataDir> {
  const directory = resolve(path);
  const pidFile = join(directory, "pid");
  const state = join(directory, "state", "v3");
  mkdirSync(state, { recursive: true });

  const lock = await holdLock(join(directory, "lock"), { wait_ms: HOLDER_ENDING_MS }).catch((error: unknown) => {
    if (error instanceof LockedError) throw new DataDirBusyError(busyMessage(directory, readPidFile(pidFile)));
    throw error;
  });

  // We hold the lock, so whoever wrote this file is dead; its children may not be.
  (await end(readPidFile(pidFile)?.children ?? [])).forEach(onOrphan);

  const record: DataDir["record"] = (children, url) => {
    const known = children.flatMap((pid) => identify(pid) ?? []);
    writeFileSync(`${pidFile}.new`, `${JSON.stringify({ self: identify(process.pid), children: known, url })}\n`);
    renameSync(`${pidFile}.new`, pidFile);
  };
  record([]);
  return {
    path: directory,
    state,
    record,
    release() {
      rmSync(pidFile, { force: true });
      lock.release();
    },
  };
}

function readPidFile(path: string): z.infer<typeof PidFileSchema> | undefined {
  try {
    return PidFileSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

function busyMessage(directory: string, holder: z.infer<typeof PidFileSchema> | undefined): string {
  const who = holder ? `process ${holder.self.pid}${holder.url ? `, at ${holder.url}` : ""}` : "another process";
  const how = holder ? `Stop it (kill ${holder.self.pid})` : "Stop it";
  return `Edgedrive already runs on ${directory} (${who}).\n${how}, or choose another place with --data DIR.`;
}
