import { mkdirSync } from "node:fs";
import { kCurrentWorker } from "miniflare";
import { API, CONSUMERS, inRoot, PUBLIC_LINKS } from "./project.ts";
import { newSecret } from "./secrets.ts";
import { readWorkerOptions, requiredSecrets } from "./worker-config.ts";

// Assets are declared in the API's configuration; the directory must be there, built or not.
mkdirSync(inRoot("dist/web"), { recursive: true });

const others = [CONSUMERS, PUBLIC_LINKS].map((worker) => readWorkerOptions(worker));
const secrets = requiredSecrets().map((name) => [name, newSecret(name)]);

/**
 * Options of the `workerd` test project: one Worker with the bindings of all three, so that a test can call a route, a
 * queue handler or an object directly. Foreign objects and the service binding resolve to the same Worker
 * (test/support/workerd/worker.ts exports every class): one left unbound hangs the runtime for ten seconds.
 */
export const workerdOptions = {
  main: inRoot("test/support/workerd/worker.ts"),
  wrangler: { configPath: inRoot(API.config) },
  miniflare: {
    bindings: { ...Object.fromEntries(secrets), REGISTRATION: "open", DEFAULT_PLAN: "standard" },
    r2Buckets: Object.assign({}, ...others.map((options) => options.r2Buckets)),
    queueProducers: Object.assign({}, ...others.map((options) => options.queueProducers)),
    // Nothing consumes on its own: a test calls the handler itself, with createMessageBatch.
    queueConsumers: {},
    durableObjects: ownObjects(),
    serviceBindings: { PUBLIC_LINKS: { name: kCurrentWorker, entrypoint: "PublicLinks" } },
  },
};

/** Objects that the other Workers define; those with a script name are the API's own, declared by its configuration. */
function ownObjects(): Record<string, { className: string; useSQLite: boolean }> {
  const designators = others.flatMap((options) => Object.entries(options.durableObjects ?? {}));
  const own = designators.flatMap(([name, value]) =>
    typeof value === "object" && "className" in value && value.scriptName === undefined
      ? [[name, { className: value.className, useSQLite: true }] as const]
      : [],
  );
  return Object.fromEntries(own);
}
