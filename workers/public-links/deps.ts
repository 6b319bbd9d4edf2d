/** What the public worker stands on, wired once per request; tests bring their own clock, cache and bindings. */
import type { ObjectStore } from "../../core/storage/ports.ts";
import type { LinkGate } from "../../durable-objects/link-gate.ts";
import { CacheApi, type EdgeCache } from "../../platform/cache/edge-cache.ts";
import { readConfig, shardBindings } from "../../platform/config.ts";
import { ShardMap } from "../../platform/d1/shard-map.ts";
import { R2ObjectStore } from "../../platform/r2/object-store.ts";

export interface Env {
  DIRECTORY: D1Database;
  BLOBS: R2Bucket;
  LINK_GATE: DurableObjectNamespace<LinkGate>;
  SHARDS: string;
  TOKEN_SECRET: string;
}

export interface Deps {
  shards: ShardMap;
  blobs: ObjectStore;
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

export function createDeps(env: Env, ctx: Pick<ExecutionContext, "waitUntil">, overrides: Partial<Deps> = {}): Deps {
  const config = readConfig(env, "SHARDS", "TOKEN_SECRET");
  return {
    shards: new ShardMap(env.DIRECTORY, shardBindings(env, config.SHARDS)),
    blobs: new R2ObjectStore(env.BLOBS),
    cache: new CacheApi("edgedrive-links"),
    bytes_cache: new CacheApi("edgedrive-shared-bytes"),
    gates: env.LINK_GATE,
    // Not the key of access tokens itself: what is signed for one purpose proves nothing for another.
    secret: `public-links ${config.TOKEN_SECRET}`,
    now: () => Date.now(),
    waitUntil: (work) => ctx.waitUntil(work),
    ...overrides,
  };
}
