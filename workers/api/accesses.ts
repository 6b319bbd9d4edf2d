import { tenantOf } from "../../core/protocol/ids.ts";
import type { Access, Principal } from "../../core/sharing/rights.ts";
import { findMany } from "../../platform/d1/shard/rights-store.ts";
import type { AppContext } from "./context.ts";

/**
 * Rights of many files, wherever they lie: one query in each shard, not one for each tenant or file. Unknown ids are
 * missing. Places that are not known yet are asked for at once, as many as there are tenants among the files.
 * @param file_ids a few thousand at most
 */
export async function accessesOf(
  { shards }: Pick<AppContext, "shards">,
  principal: Principal,
  file_ids: readonly string[],
): Promise<Map<string, Access>> {
  const places = await shards.findMany(file_ids.map(tenantOf));
  const byShard = Map.groupBy(file_ids, (file_id) => places.get(tenantOf(file_id))?.db);
  const found = await Promise.all(
    [...byShard].map(async ([db, ids]) => (db === undefined ? [] : findMany(db, principal, ids))),
  );
  return new Map(found.flatMap((accesses) => [...accesses]));
}
