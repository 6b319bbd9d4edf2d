/** The erased stay erased, whatever a database is set back to. docs/spec/durability.md, BK17. */
import type { Row } from "../../../core/backup/model.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";

const END_SIGN_INS = `
update sign_in_sessions set revoked_at = ?1 where revoked_at is null and user_id in (
  select a.user_id from accounts a join tenants t on t.tenant_id = a.tenant_id where t.state = 'deleted')`;

/** Accounts of deleted tenants, and what hangs on no account. */
const END_ACCOUNTS = [
  "delete from accounts where tenant_id in (select tenant_id from tenants where state = 'deleted')",
  "delete from devices where user_id not in (select user_id from accounts)",
  "delete from invites where used_at is null and created_by not in (select user_id from accounts)",
  "delete from pending_shares where tenant_id in (select tenant_id from tenants where state = 'deleted')",
];

/** Walks the whole directory: only where something came back, and after a rebuild. */
export async function endAccountsOfDeleted(directory: D1Database, now: number): Promise<void> {
  await directory.batch([
    directory.prepare(END_SIGN_INS).bind(now),
    ...END_ACCOUNTS.map((sql) => directory.prepare(sql)),
  ]);
}

export async function endErased(directory: D1Database, tenant_ids: readonly TenantId[], now: number): Promise<boolean> {
  const { results } = await directory
    .prepare(
      `update tenants set state = 'deleted', name = '', deleted_at = ?2, erased_at = null
       where tenant_id in (select value from json_each(?1)) and state <> 'deleted' returning tenant_id`,
    )
    .bind(JSON.stringify(tenant_ids), now)
    .all();
  if (results.length > 0) await endAccountsOfDeleted(directory, now);
  return results.length > 0;
}

/** Which of them a shard has rows of, though the directory says that the last of them is gone. */
export async function returned(
  directory: D1Database,
  shard: string,
  db: D1Database,
  tenant_ids: readonly TenantId[],
): Promise<TenantId[]> {
  const there = await db
    .prepare("select tenant_id from json_each(?1) want cross join tenants t on t.tenant_id = want.value")
    .bind(JSON.stringify(tenant_ids))
    .all<{ tenant_id: TenantId }>();
  const { results } = await directory
    .prepare(
      `select tenant_id from json_each(?1) want cross join tenants t on t.tenant_id = want.value
       where t.state = 'deleted' and t.erased_at is not null and t.shard = ?2`,
    )
    .bind(JSON.stringify(there.results.map(({ tenant_id }) => tenant_id)), shard)
    .all<{ tenant_id: TenantId }>();
  return results.map(({ tenant_id }) => tenant_id);
}

/** The sweep takes them once more. The shard counts them until they are gone (`noteErased`). */
export async function eraseAgain(directory: D1Database, shard: string, tenant_ids: readonly TenantId[]): Promise<void> {
  if (tenant_ids.length === 0) return;
  const list = JSON.stringify(tenant_ids);
  const isDone = "tenant_id in (select value from json_each(?1)) and erased_at is not null";
  await directory.batch([
    directory
      .prepare(`update shards set tenants = tenants + (select count(*) from tenants where ${isDone}) where shard = ?2`)
      .bind(list, shard),
    directory.prepare(`update tenants set erased_at = null where ${isDone}`).bind(list),
  ]);
}

/** Rows of a backup without what was erased after it was made; its number stays taken. */
export function withoutErased(table: string, rows: readonly Row[], erased: ReadonlyMap<TenantId, number>): Row[] {
  const isErased = ({ tenant_id }: Row): boolean => erased.has(tenant_id as TenantId);
  if (table !== "tenants") return rows.filter((row) => !isErased(row));
  return rows.map((row) => {
    if (!isErased(row) || row.state === "deleted") return row;
    return { ...row, state: "deleted", name: "", deleted_at: erased.get(row.tenant_id as TenantId), erased_at: null };
  });
}
