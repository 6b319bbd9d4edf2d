import type { LivingTenant, RestoredContent } from "../../../core/backup/restore-ports.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { ArchiveRows } from "./archive-rows.ts";
import type { Stored } from "./rows.ts";

/** A tenant as it is now, beside the moment that is restored: docs/spec/durability.md, BK15. */
export const livingTenant = (db: D1Database, tenant_id: TenantId): LivingTenant => ({
  archive: () => new ArchiveRows(db, tenant_id).find(),
  async contents(content_ids) {
    const { results } = await db
      .prepare(
        `select c.content_id, c.manifest, c.size from json_each(?2) want
           cross join contents c on c.tenant_id = ?1 and c.content_id = want.value`,
      )
      .bind(tenant_id, JSON.stringify(content_ids))
      .all<RestoredContent & Stored>();
    return results;
  },
});
