import { atLeast } from "../../../core/sharing/rights.ts";
import type { Page, PermissionWord } from "../../../core/protocol/common.ts";
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

/** What one person was given in a drive, by item: the highest, as far as it has not ended. */
export async function grantsTo(
  db: D1Database,
  tenant: TenantId,
  drive_id: string,
  user_id: string,
): Promise<Map<string, PermissionWord>> {
  const { results } = await db
    .prepare(
      `select file_id, permission from permissions indexed by permissions_people
       where tenant_id = ?1 and drive_id = ?2 and user_id = ?3 and kind = 'user' and revoked_at is null
         and (expires_at is null or expires_at > ?4)`,
    )
    .bind(tenant, drive_id, user_id, Date.now())
    .all<{ file_id: string; permission: PermissionWord }>();
  const highest = new Map<string, PermissionWord>();
  for (const { file_id, permission } of results)
    if (atLeast(permission, highest.get(file_id) ?? permission)) highest.set(file_id, permission);
  return highest;
}
