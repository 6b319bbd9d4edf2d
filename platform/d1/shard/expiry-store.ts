import type { ExpiryStore, UploadKey } from "../../../core/uploads/expire.ts";
import { packPrefix } from "../../../core/packs/format.ts";
import type { UploadRow } from "../../../core/uploads/model.ts";
import { type Stored, toUpload } from "./rows.ts";

const PAGE = 100;
/** Behind every tenant number. */
const LAST_TENANT = 2 ** 32;

/** Sessions behind `after`, up to `upto`, by key. A bound of null is none. */
export interface Segment {
  after: UploadKey | null;
  upto: UploadKey | null;
}

/**
 * The segment of the next `length` sessions. The table is walked in segments, expired or not, because that reads a row
 * a sweep, while an index of what may expire would write two with every upload.
 */
export async function nextSegment(db: D1Database, after: UploadKey | null, length: number): Promise<Segment> {
  const upto = await db
    .prepare(
      `select tenant_id, upload_id from uploads where (tenant_id, upload_id) > (?1, ?2)
       order by tenant_id, upload_id limit 1 offset ?3`,
    )
    .bind(after?.tenant_id ?? 0, after?.upload_id ?? "", length - 1)
    .first<UploadKey>();
  return { after, upto };
}

export class D1ExpiryStore implements ExpiryStore {
  readonly #db: D1Database;
  readonly #segment: Segment;
  /** Sessions that were handed out, to be ended. */
  found = 0;

  /** @param segment of the table that it knows; all of it is for tests of few rows */
  constructor(db: D1Database, segment: Segment = { after: null, upto: null }) {
    this.#db = db;
    this.#segment = segment;
  }

  async expired(open: boolean, before: number, after: UploadKey | null): Promise<UploadRow[]> {
    const from = after ?? this.#segment.after;
    const { upto } = this.#segment;
    const { results } = await this.#db
      .prepare(
        `select * from uploads where (tenant_id, upload_id) > (?1, ?2) and (tenant_id, upload_id) <= (?3, ?4)
           and expires_at <= ?5 and state ${open ? "=" : "<>"} 'open' order by tenant_id, upload_id limit ${PAGE}`,
      )
      .bind(from?.tenant_id ?? 0, from?.upload_id ?? "", upto?.tenant_id ?? LAST_TENANT, upto?.upload_id ?? "", before)
      .all<Stored>();
    this.found += results.length;
    return results.map(toUpload);
  }

  async abandon({ tenant_id, upload_id }: UploadKey): Promise<boolean> {
    const row = await this.#db
      .prepare(
        `update uploads set state = 'aborted' where tenant_id = ?1 and upload_id = ?2 and state = 'open'
           and exists (select 1 from tenants where tenant_id = ?1 and state = 'deleted') returning 1`,
      )
      .bind(tenant_id, upload_id)
      .first();
    return row !== null;
  }

  async takenPacks({ tenant_id, upload_id }: UploadKey): Promise<Set<string>> {
    // Behind every name that begins so: ids are hexadecimal.
    const { results } = await this.#db
      .prepare("select pack_id from packs where tenant_id = ?1 and pack_id >= ?2 and pack_id < ?2 || 'g'")
      .bind(tenant_id, packPrefix(upload_id))
      .all<{ pack_id: string }>();
    return new Set(results.map((row) => row.pack_id));
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
