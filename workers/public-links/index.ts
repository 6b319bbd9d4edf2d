// edgedrive-public-links: share links for people without an account.
import { WorkerEntrypoint } from "cloudflare:workers";
import { workersCache } from "../../platform/cache/edge-cache.ts";
import { ShardMap } from "../../platform/d1/shard-map.ts";
import { readConfig, shardBindings } from "../../platform/config.ts";
import { createApp } from "./app.ts";
import { createDeps, type Deps, type Env } from "./deps.ts";
import { purgeFiles, purgeTokens } from "./purge.ts";

export { LinkGate } from "../../durable-objects/link-gate.ts";

/** One an isolate: it remembers for a minute where tenants lie. */
const maps = new WeakMap<Env, ShardMap>();

function mapOf(env: Env): ShardMap {
  const known = maps.get(env);
  if (known !== undefined) return known;
  const map = new ShardMap(env.DIRECTORY, shardBindings(env, readConfig(env, "SHARDS").SHARDS));
  maps.set(env, map);
  return map;
}

/** Reached over the API's service binding: `/s/*` by fetch, purges by RPC. The CDN keeps what `fetch` answers. */
export class PublicLinks extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    return createApp(this.#deps()).fetch(request);
  }

  /** After a link was revoked or changed: at once in this place, everywhere within L4's bound. Never throws. */
  async purge(tokens: string[]): Promise<void> {
    await purgeTokens(this.#deps(), workersCache(this.ctx.cache), tokens);
  }

  /** After files of one tenant got a new version or went to trash: every link that shows them. Never throws. */
  async purgeFiles(file_ids: string[]): Promise<void> {
    await purgeFiles(this.#deps(), workersCache(this.ctx.cache), file_ids);
  }

  #deps(): Deps {
    return createDeps(this.env, this.ctx, { shards: mapOf(this.env) });
  }
}

/** Nothing is served here: the service binding names `PublicLinks`. */
export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler;
