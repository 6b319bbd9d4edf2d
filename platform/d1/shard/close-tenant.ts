/** A tenant that is leaving a shard. docs/spec/durability.md, BK9. */
import type { TenantId } from "../../../core/protocol/ids.ts";
import { D1RestoreTarget, RESTORING } from "./restore-target.ts";

/** In place of an attempt's id. */
const FORGETTING = "forgetting";

/** From now on every batch over it fails, and no sweep takes it. */
export async function closeTenant(db: D1Database, tenant_id: TenantId): Promise<void> {
  await db
    .prepare("update tenants set state = 'moving' where tenant_id = ?1 and state = 'active'")
    .bind(tenant_id)
    .run();
}

/** It stays after all. Not what a restore or an erasure has closed. */
export async function reopenTenant(db: D1Database, tenant_id: TenantId): Promise<void> {
  await db
    .prepare(
      "update tenants set state = 'active' where tenant_id = ?1 and state = 'moving' and substr(garbage_round, 1, ?3) <> ?2",
    )
    .bind(tenant_id, RESTORING, RESTORING.length)
    .run();
}

/** Deletes rows of a copy that is not served from here. @returns whether all are gone */
export async function forgetTenant(db: D1Database, tenant_id: TenantId): Promise<boolean> {
  await db
    .prepare("update tenants set state = 'moving', garbage_round = ?2 where tenant_id = ?1")
    .bind(tenant_id, RESTORING + FORGETTING)
    .run();
  const rows = new D1RestoreTarget(db, tenant_id);
  if (!(await rows.begin(FORGETTING, true)) || !(await rows.wipe())) return false;
  await db.prepare("delete from tenants where tenant_id = ?1").bind(tenant_id).run();
  return true;
}
