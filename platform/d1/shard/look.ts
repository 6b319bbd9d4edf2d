import type { Access, Person } from "../../../core/sharing/rights.ts";
import { tenantOf } from "../../../core/protocol/ids.ts";
import { seqsStatement } from "./journal-store.ts";
import { accessesOf, manyStatement } from "./rights-store.ts";
import type { Stored } from "./rows.ts";

const SELECT_EXPIRED = `
select distinct p.file_id from json_each(?1) want cross join permissions p
  on p.tenant_id = want.value ->> '$[0]' and p.file_id = want.value ->> '$[1]'
where p.user_id = ?2 and p.revoked_at is null and p.expires_at > ?3 and p.expires_at <= ?4`;

export interface ShardLook {
  seqs: Map<string, number>;
  accesses: Map<string, Access>;
  /** Items with a grant of this person that ended by itself between `since` and `now`. */
  expired: Set<string>;
}

/** Drives and items of one shard, whatever their tenants, as they were at one moment: one round trip. */
export async function lookInto(
  db: D1Database,
  person: Person,
  { drive_ids, file_ids, since, now }: { drive_ids: string[]; file_ids: string[]; since: number; now: number },
): Promise<ShardLook> {
  const wanted = JSON.stringify(file_ids.map((file_id) => [tenantOf(file_id), file_id]));
  const [seqs, nodes, expired] = await db.batch<Stored>([
    seqsStatement(db, drive_ids),
    manyStatement(db, person, file_ids),
    db.prepare(SELECT_EXPIRED).bind(wanted, person.user_id, since, now),
  ]);
  return {
    seqs: new Map((seqs?.results ?? []).map((row) => [row.drive_id as string, row.seq as number])),
    accesses: accessesOf(nodes?.results ?? [], file_ids),
    expired: new Set((expired?.results ?? []).map((row) => row.file_id as string)),
  };
}
