/** Dropping what is kept of a link. It only shortens L4's bound, so a failure is reported and goes no further. */
import { tenantOf } from "../../core/protocol/ids.ts";
import type { OuterCache } from "../../platform/cache/edge-cache.ts";
import { D1LinksStore } from "../../platform/d1/shard/links-store.ts";
import type { Deps } from "./deps.ts";
import { Resolver } from "./resolver.ts";

export async function purgeTokens(deps: Deps, outer: OuterCache, tokens: string[]): Promise<void> {
  const resolver = new Resolver(deps);
  // The inner entries first: else an answer made in between would rest on them and enter the outer cache again.
  await Promise.all(tokens.map((token) => resolver.forget(token)));
  try {
    await outer.purge(tokens.map((token) => `link-${token}`));
  } catch (error) {
    console.error("purge of links failed", error);
  }
}

/** @param file_ids of one tenant */
export async function purgeFiles(deps: Deps, outer: OuterCache, file_ids: string[]): Promise<void> {
  const first = file_ids[0];
  if (first === undefined) return;
  try {
    const tenant = tenantOf(first);
    const place = await deps.shards.find(tenant);
    if (place === null) return;
    await purgeTokens(deps, outer, await new D1LinksStore(place.db, tenant).tokensReaching(file_ids));
  } catch (error) {
    console.error("purge of files failed", error);
  }
}
