import type { Access, Principal } from "../../core/sharing/rights.ts";
import { lastSeqs } from "../../platform/d1/shard/journal-store.ts";
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
  const found = await Promise.all(
    [...(await shards.byShard(file_ids))].map(([db, ids]) => findMany(db, principal, ids)),
  );
  return new Map(found.flatMap((accesses) => [...accesses]));
}

/** Newest sequence numbers of drives, wherever they lie: one query in each shard. */
export async function lastSeqsOf(
  { shards }: Pick<AppContext, "shards">,
  drive_ids: readonly string[],
): Promise<Map<string, number>> {
  const found = await Promise.all([...(await shards.byShard(drive_ids))].map(([db, ids]) => lastSeqs(db, ids)));
  return new Map(found.flatMap((seqs) => [...seqs]));
}
