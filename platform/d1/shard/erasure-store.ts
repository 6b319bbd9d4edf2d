/** What an erased tenant leaves in its shard, and its end. docs/spec/identity.md, I14 and I15. */
import type { ErasureStore } from "../../../core/erasure/ports.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";

/** Rows of one table that go with one batch. */
const PAGE = 2_000;

/**
 * By their keys, so that a page is found without a scan. Drives last: while there is one, its objects are erased again.
 * Contents, hooks, packs and uploads go by rounds and sweeps.
 */
const METADATA = {
  versions: "file_id, version_number",
  journal: "drive_id, seq",
  permissions: "file_id, permission_id",
  incoming_shares: "user_id, file_id",
  verifications: "drive_id, content_id",
  unarchivings: "content_id",
  event_marks: "drive_id, consumer",
  event_failures: "drive_id, consumer, seq",
  files: "file_id",
  drives: "drive_id",
} as const;

const dropPage = (table: string, key: string): string =>
  `delete from ${table} where tenant_id = ?1 and (${key}) in (
     select ${key} from ${table} where tenant_id = ?1 order by ${key} limit ${PAGE}) returning 1`;

export class D1ErasureStore implements ErasureStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  async close(): Promise<void> {
    await this.#db.batch(this.closing(Date.now()));
  }

  /** All at once, and nothing when it was done before: a repeat must not begin rounds anew. */
  closing(now: number): D1PreparedStatement[] {
    return [
      this.#run("delete from tenant_keys where tenant_id = ?1"),
      this.#run(
        `update uploads set expires_at = ?2 where tenant_id = ?1 and expires_at > ?2
           and exists (select 1 from tenants where tenant_id = ?1 and state <> 'deleted')`,
        now,
      ),
      this.#run(
        "update tenants set state = 'deleted', swept_at = 0, archive = null where tenant_id = ?1 and state <> 'deleted'",
      ),
    ];
  }

  #run(sql: string, ...more: number[]): D1PreparedStatement {
    return this.#db.prepare(sql).bind(this.#tenant, ...more);
  }

  async drives(): Promise<string[]> {
    const { results } = await this.#run("select drive_id from drives where tenant_id = ?1").all<{ drive_id: string }>();
    return results.map((row) => row.drive_id);
  }

  async dropMetadata(): Promise<boolean> {
    for (const [table, key] of Object.entries(METADATA)) {
      const { results } = await this.#run(dropPage(table, key)).all();
      if (results.length === PAGE) return false;
    }
    return true;
  }

  async isEmpty(): Promise<boolean> {
    const left = await this.#run(
      `select exists (select 1 from contents where tenant_id = ?1)
         or exists (select 1 from packs where tenant_id = ?1 and state <> 'deleted')
         or exists (select 1 from uploads where tenant_id = ?1) as is_left`,
    ).first<{ is_left: number }>();
    return left?.is_left === 0;
  }

  async forget(): Promise<void> {
    await this.#db.batch(
      ["hooks", "upload_chunks", "packs", "findings", "tenant_keys", "tenants"].map((table) =>
        this.#run(`delete from ${table} where tenant_id = ?1`),
      ),
    );
  }
}
