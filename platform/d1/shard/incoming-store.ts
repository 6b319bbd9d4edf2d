/** Pointers to what others share with a user. Only hints of where to look: rights are decided where the file lies. */
import type { Page } from "../../../core/protocol/common.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { parseCursor, toCursor } from "./cursor.ts";

export interface Pointer {
  tenant_id: TenantId;
  user_id: string;
  file_id: string;
  drive_id: string;
  shared_by: string | null;
  shared_at: number;
}

/** A pointer, and when it was written. */
export interface Noted extends Pick<Pointer, "file_id" | "drive_id"> {
  noted_at: number;
}

/** What a drive's permissions say of one user and one file. */
export interface Recipient {
  user_id: string;
  file_id: string;
  drive_id: string;
  /** The newest living grant; null when none is left. */
  granted: { shared_by: string; shared_at: number } | null;
}

const SELECT_RECIPIENTS = `
select distinct changed.user_id, changed.file_id, changed.drive_id,
  (select json_object('shared_by', p.created_by, 'shared_at', p.created_at) from permissions p
     where p.tenant_id = ?1 and p.file_id = changed.file_id and p.kind = 'user' and p.user_id = changed.user_id
       and p.revoked_at is null and (p.expires_at is null or p.expires_at > ?3)
     order by p.created_at desc limit 1) as granted
from json_each(?2) want cross join permissions changed on changed.tenant_id = ?1
  and changed.file_id = want.value ->> '$.file_id' and changed.permission_id = want.value ->> '$.permission_id'
where changed.kind = 'user' and changed.user_id is not null`;

/** Users whom these permissions concern, with what they hold now. */
export async function recipientsOf(
  db: D1Database,
  tenant: TenantId,
  changed: { file_id: string; permission_id: string | null }[],
  now: number,
): Promise<Recipient[]> {
  const { results } = await db
    .prepare(SELECT_RECIPIENTS)
    .bind(tenant, JSON.stringify(changed), now)
    .all<Omit<Recipient, "granted"> & { granted: string | null }>();
  return results.map((row) => ({ ...row, granted: row.granted === null ? null : JSON.parse(row.granted) }));
}

/** In the recipient's shard. Repeating it changes nothing. */
export const pointStatement = (db: D1Database, pointer: Pointer, now: number): D1PreparedStatement =>
  db
    .prepare(
      `insert into incoming_shares (tenant_id, user_id, file_id, drive_id, shared_by, shared_at, noted_at)
       values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
       on conflict (tenant_id, user_id, file_id) do update
         set shared_by = excluded.shared_by, shared_at = excluded.shared_at, noted_at = excluded.noted_at`,
    )
    .bind(
      pointer.tenant_id,
      pointer.user_id,
      pointer.file_id,
      pointer.drive_id,
      pointer.shared_by,
      pointer.shared_at,
      now,
    );

export const unpointStatement = (
  db: D1Database,
  { tenant_id, user_id, file_id }: Pick<Pointer, "tenant_id" | "user_id" | "file_id">,
): D1PreparedStatement =>
  db
    .prepare("delete from incoming_shares where tenant_id = ?1 and user_id = ?2 and file_id = ?3")
    .bind(tenant_id, user_id, file_id);

/** A page, the newest first; the pointers themselves prove nothing. */
export async function pointerPage(
  db: D1Database,
  tenant: TenantId,
  user_id: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<Pick<Pointer, "file_id" | "shared_by" | "shared_at">>> {
  const [at, id] = parseCursor(query.cursor, 2);
  const { results } = await db
    .prepare(
      `select file_id, shared_by, shared_at from incoming_shares
       where tenant_id = ?1 and user_id = ?2 and (?3 is null or (shared_at, file_id) < (?3, ?4))
       order by shared_at desc, file_id desc limit ?5`,
    )
    .bind(tenant, user_id, at ?? null, id ?? null, query.limit + 1)
    .all<Pick<Pointer, "file_id" | "shared_by" | "shared_at">>();
  const items = results.slice(0, query.limit);
  const last = results.length > query.limit ? items.at(-1) : undefined;
  return { items, next_cursor: last === undefined ? null : toCursor([last.shared_at, last.file_id]) };
}

/** The newest first. */
export async function pointersOf(db: D1Database, tenant: TenantId, user_id: string, limit: number): Promise<Noted[]> {
  const { results } = await db
    .prepare(
      `select file_id, drive_id, noted_at from incoming_shares where tenant_id = ?1 and user_id = ?2
       order by shared_at desc limit ?3`,
    )
    .bind(tenant, user_id, limit)
    .all<Noted>();
  return results;
}
