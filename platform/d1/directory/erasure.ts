/** Accounts that end, and what is left to do of it. docs/spec/identity.md, I13 to I15. */
import type { TenantId } from "../../../core/protocol/ids.ts";

/** Tenants of one tick; the others are the next one's. */
const TENANTS = 50;

export interface Erasing {
  tenant_id: TenantId;
  shard: string;
}

/**
 * The account ends: from now on nobody can sign in to it, and the rest is the sweep's if it has to be. All at once; the
 * tenant's row stays, without its name, so that its number is never used again.
 * @returns its open sign-in sessions; null when the account is gone already
 */
export async function endAccount(
  directory: D1Database,
  { tenant_id, user_id, email }: { tenant_id: TenantId; user_id: string; email: string },
  now: number,
): Promise<string[] | null> {
  const run = (sql: string, ...args: (string | number)[]) => directory.prepare(sql).bind(...args);
  const [tenant, sessions] = await directory.batch<{ session_id: string }>([
    run(
      `update tenants set state = 'deleted', name = '', deleted_at = ?2
       where tenant_id = ?1 and state <> 'deleted' returning shard`,
      tenant_id,
      now,
    ),
    run(
      "update sign_in_sessions set revoked_at = ?2 where user_id = ?1 and revoked_at is null returning session_id",
      user_id,
      now,
    ),
    run("delete from accounts where user_id = ?1", user_id),
    run("delete from devices where user_id = ?1", user_id),
    run("delete from invites where created_by = ?1 and used_at is null", user_id),
    run("delete from pending_shares where email = ?1 or tenant_id = ?2", email, tenant_id),
  ]);
  return tenant?.results.length === 0 ? null : (sessions?.results ?? []).map((row) => row.session_id);
}

/** Whether somebody else could invite people, or nobody is left who could be invited. */
export async function isSpareAdmin(directory: D1Database, user_id: string): Promise<boolean> {
  const row = await directory
    .prepare(
      `select exists (select 1 from accounts where user_id <> ?1 and role = 'admin')
         or not exists (select 1 from accounts where user_id <> ?1) as is_spare`,
    )
    .bind(user_id)
    .first<{ is_spare: number }>();
  return row?.is_spare === 1;
}

/** Deleted tenants of which something is left, the oldest first. */
export async function tenantsToErase(directory: D1Database): Promise<Erasing[]> {
  const { results } = await directory
    .prepare(
      `select tenant_id, shard from tenants where state = 'deleted' and erased_at is null
       order by deleted_at limit ${TENANTS}`,
    )
    .all<Erasing & Record<string, unknown>>();
  return results;
}

/** Once: the shard has one tenant less then. */
export async function noteErased(directory: D1Database, { tenant_id, shard }: Erasing, now: number): Promise<void> {
  await directory.batch([
    directory
      .prepare(
        `update shards set tenants = tenants - 1 where shard = ?2
           and exists (select 1 from tenants where tenant_id = ?1 and erased_at is null)`,
      )
      .bind(tenant_id, shard),
    directory.prepare("update tenants set erased_at = ?2 where tenant_id = ?1").bind(tenant_id, now),
  ]);
}
