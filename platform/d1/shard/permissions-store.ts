import type { Page } from "../../../core/protocol/common.ts";
import type { PermissionRow } from "../../../core/files/model.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { parseCursor, toCursor } from "./cursor.ts";
import { type Stored, toPermission } from "./rows.ts";

/** Grants and links of single files. Written through the drive's hub only. */
export class PermissionsStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  /** Null when there is none or it was revoked. */
  async find(file_id: string, permission_id: string): Promise<PermissionRow | null> {
    const row = await this.#db
      .prepare(
        `select * from permissions
         where tenant_id = ?1 and file_id = ?2 and permission_id = ?3 and revoked_at is null`,
      )
      .bind(this.#tenant, file_id, permission_id)
      .first<Stored>();
    return row === null ? null : toPermission(row);
  }

  /** What is granted on the file itself, the oldest first; expired ones too, since they can be prolonged. */
  async list(file_id: string, query: { limit: number; cursor?: string | undefined }): Promise<Page<PermissionRow>> {
    const [after] = parseCursor(query.cursor, 1);
    const { results } = await this.#db
      .prepare(
        `select * from permissions
         where tenant_id = ?1 and file_id = ?2 and revoked_at is null and permission_id > ?3
         order by permission_id limit ?4`,
      )
      .bind(this.#tenant, file_id, after ?? "", query.limit + 1)
      .all<Stored>();
    const items = results.slice(0, query.limit).map(toPermission);
    const last = results.length > query.limit ? items.at(-1) : undefined;
    return { items, next_cursor: last === undefined ? null : toCursor([last.permission_id]) };
  }
}
