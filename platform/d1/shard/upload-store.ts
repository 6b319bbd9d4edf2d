import type { FileRow } from "../../../core/files/model.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { JournalOp } from "../../../core/protocol/sync.ts";
import type { ChunkRow, UploadRow } from "../../../core/uploads/model.ts";
import type { UploadStore } from "../../../core/uploads/ports.ts";
import { type Stored, toFile, toUpload } from "./rows.ts";

export class D1UploadStore implements UploadStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  async find(upload_id: string): Promise<{ upload: UploadRow; chunks: ChunkRow[] } | null> {
    const [uploads, chunks] = await this.#db.batch<Stored>([
      this.#db.prepare("select * from uploads where tenant_id = ?1 and upload_id = ?2").bind(this.#tenant, upload_id),
      this.#db
        .prepare("select * from upload_chunks where tenant_id = ?1 and upload_id = ?2 order by chunk_index")
        .bind(this.#tenant, upload_id),
    ]);
    const row = uploads?.results[0];
    return row === undefined ? null : { upload: toUpload(row), chunks: chunks?.results as unknown as ChunkRow[] };
  }

  async putChunk({ tenant_id, upload_id, chunk_index, chunk_id, size, etag }: ChunkRow): Promise<boolean> {
    const row = await this.#db
      .prepare(
        `insert into upload_chunks (tenant_id, upload_id, chunk_index, chunk_id, size, etag)
         select ?1, ?2, ?3, ?4, ?5, ?6 from uploads where tenant_id = ?1 and upload_id = ?2 and state = 'open'
         on conflict (tenant_id, upload_id, chunk_index)
           do update set chunk_id = excluded.chunk_id, size = excluded.size, etag = excluded.etag
         returning 1`,
      )
      .bind(tenant_id, upload_id, chunk_index, chunk_id, size, etag)
      .first();
    return row !== null;
  }

  async forgetChunks(upload_id: string): Promise<void> {
    await this.#db
      .prepare("delete from upload_chunks where tenant_id = ?1 and upload_id = ?2")
      .bind(this.#tenant, upload_id)
      .run();
  }

  async withContent(drive_id: string, content_hash: string, size: number): Promise<FileRow[]> {
    const { results } = await this.#db
      .prepare(
        `select * from files indexed by files_content
         where tenant_id = ?1 and content_hash = ?2 and drive_id = ?3 and size = ?4
           and trashed_at is null and integrity = 'ok' limit 5`,
      )
      .bind(this.#tenant, content_hash, drive_id, size)
      .all<Stored>();
    return results.map(toFile);
  }

  async madeBy(drive_id: string, op_id: string): ReturnType<UploadStore["madeBy"]> {
    const row = await this.#db
      .prepare(
        `select f.*, j.op as j_op, j.at as j_at from journal j
           join files f on f.tenant_id = ?1 and f.file_id = j.file_id
         where j.tenant_id = ?1 and j.drive_id = ?2 and j.op_id = ?3`,
      )
      .bind(this.#tenant, drive_id, op_id)
      .first<Stored>();
    if (row === null) return null;
    const { j_op, j_at, ...rest } = row;
    const file = toFile(rest);
    return { entry: { op: j_op as JournalOp, at: j_at as number, file_id: file.file_id }, file };
  }
}
