import type { Deployable } from "./deploy-plan.ts";
import { API, CONSUMERS, PUBLIC_LINKS } from "./project.ts";
import { readConfig } from "./worker-config.ts";

/** Each after those that it binds: the API calls public-links; the consumers use the API's Durable Objects. */
export const DEPLOY_ORDER = [PUBLIC_LINKS, API, CONSUMERS] as const;

/** The Workers in the order in which they are deployed. */
export function readDeployables(): Deployable[] {
  return DEPLOY_ORDER.map((worker) => {
    const { queues, r2_buckets, d1_databases } = readConfig(worker);
    return {
      name: worker.name,
      config: worker.config,
      queues: [
        ...(queues.producers ?? []).flatMap(({ queue }) => queue ?? []),
        ...(queues.consumers ?? []).flatMap(({ queue, dead_letter_queue }) =>
          [queue ?? [], dead_letter_queue ?? []].flat(),
        ),
      ],
      buckets: r2_buckets.flatMap(({ bucket_name }) => bucket_name ?? []),
      databases: d1_databases.flatMap(({ database_name, binding }) =>
        database_name ? { name: database_name, binding } : [],
      ),
    };
  });
}
