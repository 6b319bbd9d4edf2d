/** What of a tenant each version of its key wraps, and the order to leave the older ones. docs/spec/storage.md, K10. */
import type { KeyUseStore, PackCount, TenantKeyAge } from "../../../core/keys/rewriting.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { archiveKeyVersion } from "../../../core/tiers/archive-settings.ts";
import type { Stored } from "./rows.ts";

/** An operator's question: it reads all rows of packs. */
const COUNT = `
select key_version, sum(state = 'live' and tier is not 'archive') as live, sum(state = 'live' and tier is 'archive') as archived,
  sum(state = 'condemned') as condemned, sum(size) as bytes
from packs where tenant_id = ?1 and state <> 'deleted' group by key_version order by key_version`;

export class D1KeyUse implements KeyUseStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  async order(below: number): Promise<void> {
    const ordered = await this.#db
      .prepare(
        "update tenants set rewrite_below = max(rewrite_below, ?2) where tenant_id = ?1 and state = 'active' returning 1",
      )
      .bind(this.#tenant, below)
      .first();
    if (ordered === null) throw new DriveError("precondition_failed", "The tenant is not open there.");
  }

  async ordered(): Promise<number> {
    const below = this.#db.prepare("select rewrite_below from tenants where tenant_id = ?1").bind(this.#tenant);
    return (await below.first<number>("rewrite_below")) ?? 0;
  }

  async keys(): Promise<TenantKeyAge[]> {
    const { results } = await this.#db
      .prepare("select version, created_at from tenant_keys where tenant_id = ?1 order by version")
      .bind(this.#tenant)
      .all<TenantKeyAge & Stored>();
    return results;
  }

  async packs(): Promise<PackCount[]> {
    return (await this.#db.prepare(COUNT).bind(this.#tenant).all<PackCount & Stored>()).results;
  }

  async archiveKey(): Promise<number | null> {
    const row = await this.#db
      .prepare("select archive from tenants where tenant_id = ?1")
      .bind(this.#tenant)
      .first<string | null>("archive");
    return row === null ? null : archiveKeyVersion(row);
  }
}
