import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Address of the S3 server: test/support/s3-server.ts. */
    s3: string;
    migrations: { directory: D1Migration[]; shard: D1Migration[] };
  }
}

const { directory, shard } = inject("migrations");
const databases = env as unknown as Record<string, D1Database>;

await applyD1Migrations(databases.DIRECTORY!, directory);
for (const binding of String(databases.SHARDS).split(",")) await applyD1Migrations(databases[binding]!, shard);
