import type { ExpiryStore, UploadKey } from "../../../core/uploads/expire.ts";
import { packPrefix } from "../../../core/packs/format.ts";
import type { UploadRow } from "../../../core/uploads/model.ts";
import { type Stored, toUpload } from "./rows.ts";

const PAGE = 100;

export class D1ExpiryStore implements ExpiryStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async expired(open: boolean, before: number, after: UploadKey | null): Promise<UploadRow[]> {
    const { results } = await this.#db
      .prepare(
        `select * from uploads where (tenant_id, upload_id) > (?1, ?2) and expires_at <= ?3
           and state ${open ? "=" : "<>"} 'open' order by tenant_id, upload_id limit ${PAGE}`,
      )
      .bind(after?.tenant_id ?? 0, after?.upload_id ?? "", before)
      .all<Stored>();
    return results.map(toUpload);
  }

  async takenPacks({ tenant_id, upload_id }: UploadKey): Promise<Set<string> | null> {
    const prefix = packPrefix(upload_id);
    const [chunks, packs] = await this.#db.batch<Stored>([
      this.#db
        .prepare("select 1 from upload_chunks where tenant_id = ?1 and upload_id = ?2 limit 1")
        .bind(tenant_id, upload_id),
      // Behind every name that begins so: ids are hexadecimal.
      this.#db
        .prepare("select pack_id from packs where tenant_id = ?1 and pack_id >= ?2 and pack_id < ?2 || 'g'")
        .bind(tenant_id, prefix),
    ]);
    if ((chunks?.results.length ?? 0) === 0) return null;
    return new Set(packs?.results.map((row) => row.pack_id as string));
  }

  async forget({ tenant_id, upload_id }: UploadKey): Promise<void> {
    await this.#db.batch([
      this.#db.prepare("delete from upload_chunks where tenant_id = ?1 and upload_id = ?2").bind(tenant_id, upload_id),
      this.#db
        .prepare("delete from uploads where tenant_id = ?1 and upload_id = ?2 and state <> 'open'")
        .bind(tenant_id, upload_id),
    ]);
  }
}
