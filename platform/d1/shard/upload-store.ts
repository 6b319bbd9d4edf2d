import { nameKey } from "../../../core/files/names.ts";
import type { FileRow } from "../../../core/files/model.ts";
import { type TenantId, tenantOf } from "../../../core/protocol/ids.ts";
import type { Access, Principal } from "../../../core/sharing/rights.ts";
import type { JournalOp } from "../../../core/protocol/sync.ts";
import { type BlockBits, isBlockBits } from "../../../core/blocks/classes.ts";
import type { ChunkRow, ReceivedChunk, UploadRow, VersionRef } from "../../../core/uploads/model.ts";
import type { Made, Staged, StoredVersion, UploadStore } from "../../../core/uploads/ports.ts";
import { findMany, findWithContent } from "./rights-store.ts";
import { fromUpload, type Stored, toChunk, toFile, toUpload } from "./rows.ts";
import * as schema from "./schema.ts";
import { insertRowIf } from "./upsert.ts";

/** Of the drive ?2. */
const FREE =
  "select max(0, limit_bytes - used_bytes - reserved_bytes) from drives where tenant_id = ?1 and drive_id = ?2";
/** Who has the name ?4 in the folder ?3; nobody where these are null. */
const HOLDER = `from files indexed by files_name
  where tenant_id = ?1 and parent_id = ?3 and name_key = ?4 and trashed_at is null`;
const MAY_STAGE = `(select state from tenants where tenant_id = ?1) = 'active'
  and ?5 <= (${FREE}) and not exists (select 1 ${HOLDER})`;

const SELECT_VERSIONS = `
select v.file_id, v.version_id, v.size, v.content_hash, c.manifest from json_each(?2) want
  cross join versions v on v.tenant_id = ?1 and v.file_id = want.value ->> '$.file_id'
    and v.version_id = want.value ->> '$.version_id'
  cross join contents c on c.tenant_id = ?1 and c.content_id = v.content_id`;

/** A block that thousands of contents begin with tells little: not all of them are counted. */
const SELECT_HOOKED = `
select file_id, version_id from (
  select h.content_id, h.file_id, h.version_id from json_each(?2) want
    cross join hooks h on h.tenant_id = ?1 and h.drive_id = ?3 and h.hash = want.value
  limit 5000)
group by content_id order by count(*) desc, content_id desc limit 32`;

export class D1UploadStore implements UploadStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  async stage(upload: UploadRow, needed: number): Promise<Staged> {
    const { target, drive_id } = upload;
    const needsName = target?.kind === "file" && target.on_name_conflict === "fail" && target.base === undefined;
    const asked = [this.#tenant, drive_id, ...(needsName ? [target.parent_id, nameKey(target.name)] : [null, null])];
    const look = `select (${FREE}) as free_bytes, (select json_object('file_id', file_id, 'name', name) ${HOLDER}) as holder`;
    const [looked, staged] = await this.#db.batch<{ free_bytes: number | null; holder: string | null }>([
      this.#db.prepare(look).bind(...asked),
      insertRowIf(this.#db, schema.uploads, fromUpload(upload), MAY_STAGE, [...asked, needed]),
    ]);
    const { free_bytes = null, holder = null } = looked?.results[0] ?? {};
    return {
      is_staged: (staged?.results.length ?? 0) > 0,
      free_bytes,
      holder: holder === null ? null : JSON.parse(holder),
    };
  }

  async find(upload_id: string): Promise<{ upload: UploadRow; chunks: ReceivedChunk[] } | null> {
    const [uploads, chunks] = await this.#db.batch<Stored>([
      this.#db.prepare("select * from uploads where tenant_id = ?1 and upload_id = ?2").bind(this.#tenant, upload_id),
      this.#db
        .prepare(
          `select chunk_index, chunk_id, size from upload_chunks where tenant_id = ?1 and upload_id = ?2
           order by chunk_index`,
        )
        .bind(this.#tenant, upload_id),
    ]);
    const row = uploads?.results[0];
    return row === undefined ? null : { upload: toUpload(row), chunks: chunks?.results as unknown as ReceivedChunk[] };
  }

  async chunks(upload_id: string): Promise<ChunkRow[]> {
    const { results } = await this.#db
      .prepare("select * from upload_chunks where tenant_id = ?1 and upload_id = ?2 order by chunk_index")
      .bind(this.#tenant, upload_id)
      .all<Stored>();
    return results.map(toChunk);
  }

  async putChunk(chunk: ChunkRow): Promise<boolean> {
    const { tenant_id, upload_id, chunk_index, chunk_id, size, manifest, content_hash, hooks } = chunk;
    const { pack_id, pack_size, key_version } = chunk;
    const row = await this.#db
      .prepare(
        `insert into upload_chunks
           (tenant_id, upload_id, chunk_index, chunk_id, size, manifest, content_hash, hooks, pack_id, pack_size, key_version)
         select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 from uploads
           where tenant_id = ?1 and upload_id = ?2 and state = 'open'
         on conflict do update set size = excluded.size
         returning 1`,
      )
      .bind(
        tenant_id,
        upload_id,
        chunk_index,
        chunk_id,
        size,
        manifest,
        content_hash,
        JSON.stringify(hooks),
        pack_id,
        pack_size,
        key_version,
      )
      .first();
    return row !== null;
  }

  async repeatChunk(upload_id: string, chunk_id: string, chunk_index: number): Promise<void> {
    await this.#db
      .prepare(
        `insert into upload_chunks
           (tenant_id, upload_id, chunk_index, chunk_id, size, manifest, content_hash, hooks, pack_id, pack_size, key_version)
         select tenant_id, upload_id, ?4, chunk_id, size, manifest, content_hash, hooks, pack_id, pack_size, key_version
           from upload_chunks
           where tenant_id = ?1 and upload_id = ?2 and chunk_id = ?3 limit 1
         on conflict do nothing`,
      )
      .bind(this.#tenant, upload_id, chunk_id, chunk_index)
      .run();
  }

  async blockBits(file_id: string): Promise<BlockBits | null> {
    // Four letters of base64 are the three bytes in front: the third is the class (docs/spec/storage.md, M2).
    const head = await this.#db
      .prepare(
        `select substr(c.manifest, 1, 4) as head from files f
           join contents c on c.tenant_id = ?1 and c.content_id = f.content_id where f.tenant_id = ?1 and f.file_id = ?2`,
      )
      .bind(this.#tenant, file_id)
      .first<string>("head");
    const bits = head === null ? 0 : atob(head).charCodeAt(2);
    return isBlockBits(bits) ? bits : null;
  }

  async versions(principal: Principal, refs: readonly VersionRef[]): Promise<StoredVersion[]> {
    const own = refs.filter(({ file_id }) => tenantOf(file_id) === this.#tenant);
    const file_ids = [...new Set(own.map(({ file_id }) => file_id))];
    const [accesses, { results }] = await Promise.all([
      findMany(this.#db, principal, file_ids),
      this.#db
        .prepare(SELECT_VERSIONS)
        .bind(this.#tenant, JSON.stringify(own))
        .all<Omit<StoredVersion, "access"> & Stored>(),
    ]);
    return results.flatMap((version) => {
      const access = accesses.get(version.file_id);
      return access === undefined ? [] : [{ ...version, access }];
    });
  }

  async hooked(drive_id: string, hooks: readonly string[]): Promise<VersionRef[]> {
    const { results } = await this.#db
      .prepare(SELECT_HOOKED)
      .bind(this.#tenant, JSON.stringify(hooks), drive_id)
      .all<VersionRef & Stored>();
    return results;
  }

  withContent(user_id: string, drive_id: string, content_hash: string, size: number): Promise<Access[]> {
    return findWithContent(this.#db, this.#tenant, { user_id, drive_id, content_hash, size });
  }

  async madeBy(drive_id: string, op_ids: readonly string[]): Promise<Map<string, Made>> {
    if (op_ids.length === 0) return new Map();
    const { results } = await this.#db
      .prepare(
        `select f.*, j.op_id, j.op as j_op, j.at as j_at, j.version_id as j_version_id, j.conflict_of as j_conflict_of
           from json_each(?3) want
           cross join journal j on j.tenant_id = ?1 and j.drive_id = ?2 and j.op_id = want.value
           cross join files f on f.tenant_id = ?1 and f.file_id = j.file_id`,
      )
      .bind(this.#tenant, drive_id, JSON.stringify(op_ids))
      .all<Stored>();
    const originals = await this.#files(results.map((row) => row.j_conflict_of).filter((id) => id !== null));
    return new Map(
      results.map(({ op_id, j_op, j_at, j_version_id, j_conflict_of, ...row }) => {
        const file = toFile(row);
        const conflict_of = j_conflict_of as string | null;
        const version_id = j_version_id as string | null;
        const entry = { op: j_op as JournalOp, at: j_at as number, version_id, conflict_of, file_id: file.file_id };
        return [op_id as string, { entry, file, original: originals.get(conflict_of ?? "") ?? null }];
      }),
    );
  }

  /** Conflicts are rare, so their other files cost a round trip of their own. */
  async #files(file_ids: readonly unknown[]): Promise<Map<string, FileRow>> {
    if (file_ids.length === 0) return new Map();
    const { results } = await this.#db
      .prepare("select f.* from json_each(?2) want cross join files f on f.tenant_id = ?1 and f.file_id = want.value")
      .bind(this.#tenant, JSON.stringify(file_ids))
      .all<Stored>();
    return new Map(results.map((row) => [row.file_id as string, toFile(row)]));
  }
}
