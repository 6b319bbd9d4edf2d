/** The journal of a drive as somebody reads it to whom only parts of it are shared. docs/spec/sync.md, VD3. */
import type { JournalRow } from "../../../core/files/model.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { Person } from "../../../core/sharing/rights.ts";
import type { OthersEntry, OthersPage } from "../../../core/sync/others.ts";
import { firstSeqOf, firstSeqStatement } from "./journal-store.ts";
import { accessesOf, chainsOf, isThere } from "./rights-store.ts";
import { type Stored, toJournal } from "./rows.ts";

const ENTRIES = "journal where tenant_id = ?1 and drive_id = ?2 and seq > ?3 order by seq limit ?4";

const SELECT_ENTRIES = `
select j.*, p.user_id as holder_id from (select * from ${ENTRIES}) j left join permissions p
  on p.tenant_id = ?1 and p.file_id = j.file_id and p.permission_id = j.permission_id
order by j.seq`;

/** Files, and the folders that they left. */
const SELECT_NAMED = `
select f.tenant_id, f.file_id, f.parent_id
from (select file_id, from_id from ${ENTRIES}) j cross join json_each(json_array(j.file_id, j.from_id)) named
  cross join files f on f.tenant_id = ?1 and f.file_id = named.value
where ${isThere("?1")}`;

/** Entries behind `seq`. */
interface Range {
  tenant: TenantId;
  drive_id: string;
  seq: number;
  limit: number;
}

/** One state of entries and rights, in one round trip: it costs what is new, however much is shared. */
export async function readOthers(
  db: D1Database,
  principal: Person,
  { tenant, drive_id, seq, limit }: Range,
): Promise<OthersPage & { first_seq: number }> {
  const range = [tenant, drive_id, seq, limit];
  const [journal, nodes, drive] = await db.batch<Stored>([
    db.prepare(SELECT_ENTRIES).bind(...range),
    db.prepare(chainsOf(SELECT_NAMED, "user_id = ?5", "?6")).bind(...range, principal.user_id, Date.now()),
    firstSeqStatement(db, tenant, drive_id),
  ]);
  const entries = (journal?.results ?? []) as unknown as OthersEntry[];
  const named = entries.flatMap(({ file_id, from_id }) => (from_id === null ? [file_id] : [file_id, from_id]));
  return { entries, accesses: accessesOf(nodes?.results ?? [], named), first_seq: firstSeqOf(drive) };
}

const SELECT_ENDINGS = `
select j.* from journal j cross join permissions p
  on p.tenant_id = ?1 and p.file_id = j.file_id and p.permission_id = j.permission_id
where j.tenant_id = ?1 and j.drive_id = ?2 and j.seq > ?3 and j.op = 'unshared' and p.user_id = ?4
order by j.seq limit ?5`;

/** What was taken away from somebody who holds nothing in the drive any more, and nothing else. */
export async function readEndings(
  db: D1Database,
  { user_id }: Person,
  { tenant, drive_id, seq, limit }: Range,
): Promise<JournalRow[]> {
  const { results } = await db.prepare(SELECT_ENDINGS).bind(tenant, drive_id, seq, user_id, limit).all<Stored>();
  return results.map(toJournal);
}
