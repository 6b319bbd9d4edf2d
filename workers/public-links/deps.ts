/** What the public worker stands on, wired for each request; tests bring their own clock, cache and bindings. */
import type { Engine } from "../../core/storage/engine.ts";
import type { LinkGate } from "../../durable-objects/link-gate.ts";
import type { ReadLog } from "../../core/tiers/read-log.ts";
import { CacheApi, type EdgeCache } from "../../platform/cache/edge-cache.ts";
import { readConfig, shardBindings } from "../../platform/config.ts";
import { ShardMap } from "../../platform/d1/shard-map.ts";
import { createEngine } from "../../platform/engine.ts";
import { createReadLog } from "../../platform/read-log.ts";

export interface Env {
  DIRECTORY: D1Database;
  BLOBS: R2Bucket;
  BLOBS_REPLICA?: R2Bucket;
  LINK_GATE: DurableObjectNamespace<LinkGate>;
  SHARDS: string;
  TOKEN_SECRET: string;
}

/** What an isolate keeps from request to request: where tenants lie, and their keys. */
export interface Lasting {
  shards: ShardMap;
  engine: Engine;
  reads: ReadLog;
}

export interface Deps extends Lasting {
  /** What was read of links. Nothing that a visitor or an owner wrote as bytes is ever in it. */
  cache: EdgeCache;
  /** Bytes of files, as their owners wrote them. */
  bytes_cache: EdgeCache;
  gates: DurableObjectNamespace<LinkGate>;
  /** Signs the cookies of visitors. */
  secret: string;
  now(): number;
  waitUntil(work: Promise<unknown>): void;
}

export function createLasting(env: Env): Lasting {
  const { SHARDS, MASTER_KEYS } = readConfig(env, "SHARDS", "MASTER_KEYS");
  const shards = new ShardMap(env.DIRECTORY, shardBindings(env, SHARDS));
  const reads = createReadLog(shards);
  return { shards, reads, engine: createEngine(env, shards, MASTER_KEYS, reads) };
}

export function createDeps(
  env: Env,
  ctx: Pick<ExecutionContext, "waitUntil">,
  lasting: Lasting,
  overrides: Partial<Deps> = {},
): Deps {
  const { TOKEN_SECRET } = readConfig(env, "TOKEN_SECRET");
  return {
    ...lasting,
    cache: new CacheApi("edgedrive-links"),
    bytes_cache: new CacheApi("edgedrive-shared-bytes"),
    gates: env.LINK_GATE,
    // Not the key of access tokens itself: what is signed for one purpose proves nothing for another.
    secret: `public-links ${TOKEN_SECRET}`,
    now: () => Date.now(),
    waitUntil: (work) => ctx.waitUntil(work),
    ...overrides,
  };
}
