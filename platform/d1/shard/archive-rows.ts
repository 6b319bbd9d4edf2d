/** Where a tenant's archive is. docs/spec/tiers.md, TI14. */
import { DriveError } from "../../../core/protocol/errors.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";

export class ArchiveRows {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  /** As `sealSettings` made it; null for none. */
  find(): Promise<string | null> {
    return this.#db
      .prepare("select archive from tenants where tenant_id = ?1")
      .bind(this.#tenant)
      .first<string | null>("archive");
  }

  async save(archive: string | null): Promise<void> {
    await this.#db.prepare("update tenants set archive = ?2 where tenant_id = ?1").bind(this.#tenant, archive).run();
  }

  /** Throws `archive_in_use` when a pack is there: nobody would find it again. Reads all rows of packs, an operator's step. */
  async requireUnused(): Promise<void> {
    const found = await this.#db
      .prepare("select 1 from packs where tenant_id = ?1 and tier = 'archive' and state <> 'deleted' limit 1")
      .bind(this.#tenant)
      .first();
    if (found !== null)
      throw new DriveError("archive_in_use", "There are files in this archive; it can only get new credentials.");
  }
}
