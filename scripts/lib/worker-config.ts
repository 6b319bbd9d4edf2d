// Wrangler prints what it finds in the environment each time a configuration is read; errors are enough here.
process.env.WRANGLER_LOG ??= "error";

import {
  unstable_getMiniflareWorkerOptions,
  unstable_readConfig,
  type Unstable_Config,
  type Unstable_MiniflareWorkerOptions,
} from "wrangler";
import { inRoot, WORKERS, type WorkerProject } from "./project.ts";

export const readConfig = (worker: WorkerProject): Unstable_Config =>
  unstable_readConfig({ config: inRoot(worker.config) }, { hideWarnings: true });

/** The bindings of a Worker in Miniflare's words, as `wrangler dev` would give them. */
export const readWorkerOptions = (worker: WorkerProject): Unstable_MiniflareWorkerOptions["workerOptions"] =>
  unstable_getMiniflareWorkerOptions(inRoot(worker.config)).workerOptions;

/** Names under `[secrets] required`, of one Worker or of all. */
export function requiredSecrets(workers: readonly WorkerProject[] = WORKERS): string[] {
  return [...new Set(workers.flatMap((worker) => readConfig(worker).secrets?.required ?? []))].toSorted();
}
