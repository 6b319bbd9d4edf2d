/** What people look at: folders, trash, history, bytes. Every list is one query, paged by the last row's key. */
import type { DriveRow, FileRow, VersionRow } from "../../../core/files/model.ts";
import type { Page } from "../../../core/protocol/common.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { ContentsQuery } from "../../../core/protocol/files.ts";
import type { Access, Principal } from "../../../core/sharing/rights.ts";
import { parseCursor, toCursor } from "./cursor.ts";
import { D1RightsStore, toAccess } from "./rights-store.ts";
import { type Stored, toDrive, toFile, toVersion } from "./rows.ts";

const SORT_COLUMN = { name: "name_key", updated_at: "updated_at", size: "size" } as const;

interface PageQuery {
  limit: number;
  cursor?: string | undefined;
}

/** One more row than asked for tells whether there is a next page. */
function page<T extends Stored, U>(rows: T[], limit: number, map: (row: T) => U, key: (row: T) => unknown[]): Page<U> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const next_cursor = rows.length > limit && last !== undefined ? toCursor(key(last)) : null;
  return { items: items.map(map), next_cursor };
}

export interface VersionContent {
  version: VersionRow;
  manifest: string;
}

export class FileStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;
  readonly #rights: D1RightsStore;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
    this.#rights = new D1RightsStore(db, tenant);
  }

  /** The folder's rights and its page of contents, in one round trip. */
  async contents(
    principal: Principal,
    folder_id: string,
    query: ContentsQuery,
  ): Promise<{ access: Access | null; page: Page<FileRow> }> {
    const column = SORT_COLUMN[query.sort];
    const [after, order] = query.order === "asc" ? [">", "asc"] : ["<", "desc"];
    const [key, id] = parseCursor(query.cursor, 2);
    const seek = query.cursor === undefined ? "" : `and (${column}, file_id) ${after} (?4, ?5)`;
    const list = this.#db.prepare(
      `select * from files indexed by files_name where tenant_id = ?1 and parent_id = ?2 and trashed_at is null ${seek}
       order by ${column} ${order}, file_id ${order} limit ?3`,
    );
    const limit = query.limit + 1;
    const args = [this.#tenant, folder_id, limit, ...(query.cursor === undefined ? [] : [key, id])];
    const [access, rows] = await this.#db.batch<Stored>([
      this.#rights.statement(principal, folder_id),
      list.bind(...args),
    ]);
    const found = access?.results[0];
    return {
      access: found === undefined ? null : toAccess(found),
      page: page(rows?.results ?? [], query.limit, toFile, (row) => [row[column], row.file_id]),
    };
  }

  /** The newest first. @param query `until`: what was put to trash up to then, in milliseconds */
  async trash(drive_id: string, query: PageQuery & { until?: number }): Promise<Page<FileRow>> {
    const [at, id] = parseCursor(query.cursor, 2);
    const until = query.until ?? Number.MAX_SAFE_INTEGER;
    const seek = query.cursor === undefined ? "and trashed_at <= ?4" : "and (trashed_at, file_id) < (?4, ?5)";
    const args = [this.#tenant, drive_id, query.limit + 1, ...(query.cursor === undefined ? [until] : [at, id])];
    const { results } = await this.#db
      .prepare(
        `select * from files where tenant_id = ?1 and drive_id = ?2 and trashed_at is not null ${seek}
         order by trashed_at desc, file_id desc limit ?3`,
      )
      .bind(...args)
      .all<Stored>();
    return page(results, query.limit, toFile, (row) => [row.trashed_at, row.file_id]);
  }

  async versions(file_id: string, query: PageQuery): Promise<Page<VersionRow>> {
    const [number] = parseCursor(query.cursor, 1);
    const seek = query.cursor === undefined ? "" : "and version_number < ?4";
    const args = [this.#tenant, file_id, query.limit + 1, ...(query.cursor === undefined ? [] : [number])];
    const { results } = await this.#db
      .prepare(
        `select * from versions where tenant_id = ?1 and file_id = ?2 ${seek} order by version_number desc limit ?3`,
      )
      .bind(...args)
      .all<Stored>();
    return page(results, query.limit, toVersion, (row) => [row.version_number]);
  }

  /** A file's rights with the version wanted (the current one without an id), in one round trip. */
  async bytes(
    principal: Principal,
    file_id: string,
    version_id: string | null,
  ): Promise<{ access: Access | null; content: VersionContent | null }> {
    const which = version_id === null ? "v.version_number = f.version_number" : "v.version_id = ?3";
    const content = this.#db.prepare(
      `select v.*, c.manifest from files f
         join versions v on v.tenant_id = ?1 and v.file_id = f.file_id and ${which}
         join contents c on c.tenant_id = ?1 and c.content_id = v.content_id
       where f.tenant_id = ?1 and f.file_id = ?2`,
    );
    const args = [this.#tenant, file_id, ...(version_id === null ? [] : [version_id])];
    const [access, rows] = await this.#db.batch<Stored>([
      this.#rights.statement(principal, file_id),
      content.bind(...args),
    ]);
    const found = access?.results[0];
    const row = rows?.results[0];
    return {
      access: found === undefined ? null : toAccess(found),
      content: row === undefined ? null : { version: toVersion(row), manifest: row.manifest as string },
    };
  }

  async drive(drive_id: string): Promise<DriveRow | null> {
    const row = await this.#db
      .prepare("select * from drives where tenant_id = ?1 and drive_id = ?2")
      .bind(this.#tenant, drive_id)
      .first<Stored>();
    return row === null ? null : toDrive(row);
  }
}
