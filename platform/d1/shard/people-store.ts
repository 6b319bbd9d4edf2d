/** Who can see what changed in a drive: the people whose hubs are told. docs/spec/sync.md, VD5. */
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { Range } from "../../../core/sync/outbox.ts";

const LIVING = "p.kind = 'user' and p.revoked_at is null and (p.expires_at is null or p.expires_at > ?3)";

/** Of the whole drive. */
const SELECT_ALL = `
select distinct p.user_id from permissions p indexed by permissions_people
where p.tenant_id = ?1 and p.drive_id = ?2 and ${LIVING}`;

/** Entries of a commit group, times two; more of them concern everybody. */
const ENTRIES_MAX = 1024;

/**
 * Holders of grants on files of the entries, on the folders above them now, and on those that they left; and whose grant an
 * entry is about, given or taken away.
 */
const SELECT_CONCERNED = `
with recursive entry as materialized (
  select file_id, from_id, permission_id from journal
  where tenant_id = ?1 and drive_id = ?2 and seq > ?4 and seq <= ?5
),
node(file_id, parent_id) as (
  select f.file_id, f.parent_id from entry e cross join json_each(json_array(e.file_id, e.from_id)) named
    cross join files f on f.tenant_id = ?1 and f.file_id = named.value
  union
  select f.file_id, f.parent_id from node n cross join files f on f.tenant_id = ?1 and f.file_id = n.parent_id
)
select p.user_id from node n cross join permissions p on p.tenant_id = ?1 and p.file_id = n.file_id where ${LIVING}
union
select p.user_id from entry e cross join permissions p
  on p.tenant_id = ?1 and p.file_id = e.file_id and p.permission_id = e.permission_id
where p.kind = 'user'`;

/** Whether anybody but its owner sees anything of a drive. */
export async function hasPeople(db: D1Database, tenant: TenantId, drive_id: string): Promise<boolean> {
  const row = await db.prepare(`${SELECT_ALL} limit 1`).bind(tenant, drive_id, Date.now()).first();
  return row !== null;
}

export async function peopleOf(
  db: D1Database,
  tenant: TenantId,
  drive_id: string,
  { after, upto }: Range,
): Promise<string[]> {
  const isWide = after === null || upto - after > ENTRIES_MAX;
  const statement = isWide
    ? db.prepare(SELECT_ALL).bind(tenant, drive_id, Date.now())
    : db.prepare(SELECT_CONCERNED).bind(tenant, drive_id, Date.now(), after, upto);
  const { results } = await statement.all<{ user_id: string }>();
  return results.map(({ user_id }) => user_id);
}
