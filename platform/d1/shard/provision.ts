import type { NewTenant } from "../../../core/identity/ports.ts";

/**
 * The rows that a new personal tenant needs in its shard: tenant, drive, root folder, all with ids that nobody else
 * has. A repeat after a crash uses new ids; what the first try left cannot be reached.
 */
export async function provisionTenant(
  shard: D1Database,
  tenant: NewTenant,
  user_id: string,
  now: number,
): Promise<void> {
  const { tenant_id, storage_bytes } = tenant;
  await shard.batch([
    shard.prepare("insert into tenants (tenant_id, state, created_at) values (?1, 'active', ?2)").bind(tenant_id, now),
    shard
      .prepare(
        `insert into drives (tenant_id, drive_id, kind, name, limit_bytes, created_at)
         values (?1, ?2, 'personal', 'My Drive', ?3, ?4)`,
      )
      .bind(tenant_id, user_id, storage_bytes, now),
    shard
      .prepare(
        `insert into files (tenant_id, file_id, drive_id, name, name_key, is_folder, created_by, created_at, updated_at)
         values (?1, ?2, ?2, 'My Drive', 'my drive', 1, ?2, ?3, ?3)`,
      )
      .bind(tenant_id, user_id, now),
  ]);
}
