// Wrangler prints what it finds in the environment each time a configuration is read; errors are enough here.
process.env.WRANGLER_LOG ??= "error";

import { unstable_getMiniflareWorkerOptions, unstable_readConfig, type Unstable_Config } from "wrangler";
import { inRoot, WORKERS, type WorkerProject } from "./project.ts";

export type WorkerOptions = ReturnType<typeof unstable_getMiniflareWorkerOptions>["workerOptions"];

export const readConfig = (worker: WorkerProject): Unstable_Config =>
  unstable_readConfig({ config: inRoot(worker.config) }, { hideWarnings: true });

/** The bindings of a Worker in Miniflare's words, as `wrangler dev` would give them; nothing is read from .env files. */
export const readWorkerOptions = (worker: WorkerProject): WorkerOptions =>
  unstable_getMiniflareWorkerOptions(inRoot(worker.config), undefined, { envFiles: [] }).workerOptions;

/** Names under `[secrets] required`, of one Worker or of all. */
export function requiredSecrets(workers: readonly WorkerProject[] = WORKERS): string[] {
  return [...new Set(workers.flatMap((worker) => readConfig(worker).secrets?.required ?? []))].toSorted();
}
