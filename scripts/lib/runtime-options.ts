import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { convertV4MiniflareOptions, type MiniflareOptions, type V4WorkerOptions } from "miniflare";
import { inRoot, WORKERS, type WorkerProject } from "./project.ts";
import { readConfig, readWorkerOptions } from "./worker-config.ts";

export type Alter = (worker: V4WorkerOptions) => V4WorkerOptions;

export type RuntimeChoice = {
  port: number;
  state: string;
  /** Values by name: each Worker gets those that its configuration declares, as a variable or a required secret. */
  values: Record<string, string>;
  /** Traces of every binding call, queryable on the product's port: for benchmarks, never for daily use. */
  observability: boolean;
  /** Has the last word on each Worker: for benchmarks and tests. */
  alter?: Alter;
  onLog(level: string, message: string): void;
  onRestart(): void;
};

/** The built Workers on bare Miniflare: the same runtime as `wrangler dev`, without its proxy in front. */
export function runtimeOptions(choice: RuntimeChoice): MiniflareOptions {
  const { alter = (options) => options } = choice;
  return convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: choice.port,
    cf: false,
    logRequests: false,
    resourcePersistencePath: choice.state,
    unsafeLocalExplorer: choice.observability,
    unsafeObservability: choice.observability,
    unsafeHandleRuntimeRestart: choice.onRestart,
    handleStructuredLogs: ({ level, message }) => choice.onLog(level, message),
    workers: WORKERS.map((worker) => alter(workerOptions(worker, choice.values))),
  });
}

function workerOptions(worker: WorkerProject, values: Record<string, string>): V4WorkerOptions {
  const { modulesRules: _rules, ...options } = readWorkerOptions(worker);
  const config = readConfig(worker);
  const declared = new Set([...Object.keys(config.vars), ...(config.secrets?.required ?? [])]);
  const chosen = Object.entries(values).filter(([name]) => declared.has(name));
  return {
    ...options,
    name: worker.name,
    bindings: { ...(options.bindings as V4WorkerOptions["bindings"]), ...Object.fromEntries(chosen) },
    modulesRoot: inRoot(worker.dist),
    modules: builtModules(inRoot(worker.dist)),
  };
}

const MODULE_TYPES: Record<string, "ESModule" | "CompiledWasm" | "Text" | "Data"> = {
  ".js": "ESModule",
  ".mjs": "ESModule",
  ".wasm": "CompiledWasm",
  ".txt": "Text",
  ".html": "Text",
  ".sql": "Text",
  ".bin": "Data",
};

/**
 * What wrangler wrote: index.js, which must come first, and the modules that it left beside it. Read now, so that a
 * rebuild in the same clone does not change a copy that runs.
 */
function builtModules(directory: string) {
  const names = readdirSync(directory).filter((name) => extname(name) in MODULE_TYPES);
  names.sort((a, b) => Number(b === "index.js") - Number(a === "index.js"));
  return names.map((name) => {
    const path = join(directory, name);
    return { type: MODULE_TYPES[extname(name)]!, path, contents: new Uint8Array(readFileSync(path)) };
  });
}

/** A runtime with databases and nothing else, for migrations. */
export function d1Only(name: string, d1Databases: V4WorkerOptions["d1Databases"], state?: string): MiniflareOptions {
  const worker = { name, modules: true, script: "export default {}", d1Databases };
  return convertV4MiniflareOptions({ cf: false, resourcePersistencePath: state, ...worker });
}
