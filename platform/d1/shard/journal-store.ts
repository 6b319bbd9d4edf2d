import type { FileRow, JournalRow } from "../../../core/files/model.ts";
import { type TenantId, tenantOf } from "../../../core/protocol/ids.ts";
import { type Stored, toFile } from "./rows.ts";

export interface JournalEntry {
  entry: JournalRow;
  /** As it is now; null when it is gone. */
  file: FileRow | null;
}

export class JournalStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  /** Entries after `seq`, oldest first, with the files' present state: one query. */
  async since(drive_id: string, seq: number, limit: number): Promise<JournalEntry[]> {
    return this.#read("j.seq > ?3 order by j.seq limit ?4", drive_id, seq, limit);
  }

  /** The newest entries first: what happened lately. */
  async latest(drive_id: string, before: number | null, limit: number): Promise<JournalEntry[]> {
    return this.#read("j.seq < ?3 order by j.seq desc limit ?4", drive_id, before ?? Number.MAX_SAFE_INTEGER, limit);
  }

  async #read(where: string, drive_id: string, seq: number, limit: number): Promise<JournalEntry[]> {
    const { results } = await this.#db
      .prepare(
        `select f.*, j.seq as j_seq, j.op as j_op, j.file_id as j_file_id, j.version_id as j_version_id,
           j.permission_id as j_permission_id, j.op_id as j_op_id, j.actor_id as j_actor_id,
           j.device_id as j_device_id, j.conflict_of as j_conflict_of, j.at as j_at
         from journal j left join files f on f.tenant_id = ?1 and f.file_id = j.file_id
         where j.tenant_id = ?1 and j.drive_id = ?2 and ${where}`,
      )
      .bind(this.#tenant, drive_id, seq, limit)
      .all<Stored>();
    return results.map((row) => ({
      entry: {
        tenant_id: this.#tenant,
        drive_id,
        seq: row.j_seq,
        op: row.j_op,
        file_id: row.j_file_id,
        version_id: row.j_version_id,
        permission_id: row.j_permission_id,
        op_id: row.j_op_id,
        actor_id: row.j_actor_id,
        device_id: row.j_device_id,
        conflict_of: row.j_conflict_of,
        at: row.j_at,
      } as JournalRow,
      file:
        row.file_id === null
          ? null
          : toFile(Object.fromEntries(Object.entries(row).filter(([k]) => !k.startsWith("j_")))),
    }));
  }

  /** The last sequence number older than `at` (milliseconds). */
  async seqBefore(drive_id: string, at: number): Promise<number> {
    const row = await beforeStatement(this.#db, drive_id, at).first<{ seq: number }>();
    return row?.seq ?? 0;
  }

  async has(drive_id: string, seq: number): Promise<boolean> {
    const row = await this.#db
      .prepare("select 1 from journal where tenant_id = ?1 and drive_id = ?2 and seq = ?3")
      .bind(this.#tenant, drive_id, seq)
      .first();
    return row !== null;
  }

  async lastSeq(drive_id: string): Promise<number> {
    const row = await this.#db
      .prepare("select seq from drives where tenant_id = ?1 and drive_id = ?2")
      .bind(this.#tenant, drive_id)
      .first<{ seq: number }>();
    return row?.seq ?? 0;
  }
}

const ofDrive = "tenant_id = ?1 and drive_id = ?2";

/**
 * By bisection: numbers have no gaps (J1), and times grow with them. A row that is missing counts as too young: more is
 * told then, not less.
 */
const SELECT_BEFORE = `
with recursive step (low, high) as (
  select (select seq from journal where ${ofDrive} order by seq limit 1) - 1,
    (select seq from journal where ${ofDrive} order by seq desc limit 1)
  union all
  select iif(j.at < ?3, j.seq, s.low), iif(j.at < ?3, s.high, (s.low + s.high + 1) / 2 - 1)
  from step s left join journal j on ${ofDrive} and j.seq = (s.low + s.high + 1) / 2
  where s.low < s.high)
select low as seq from step where low >= high`;

const beforeStatement = (db: D1Database, drive_id: string, at: number): D1PreparedStatement =>
  db.prepare(SELECT_BEFORE).bind(tenantOf(drive_id), drive_id, at);

/** The last sequence numbers older than `at`, of drives of one shard, whatever their tenants: one round trip. */
export async function seqsBefore(
  db: D1Database,
  drive_ids: readonly string[],
  at: number,
): Promise<Map<string, number>> {
  const answers = await db.batch<{ seq: number | null }>(
    drive_ids.map((drive_id) => beforeStatement(db, drive_id, at)),
  );
  return new Map(drive_ids.map((drive_id, i) => [drive_id, answers[i]?.results[0]?.seq ?? 0]));
}

/** Newest sequence numbers of drives of one shard, whatever their tenants; unknown ones are missing. */
export const seqsStatement = (db: D1Database, drive_ids: readonly string[]): D1PreparedStatement =>
  db
    .prepare(
      `select d.drive_id, d.seq from json_each(?1) want cross join drives d
         on d.tenant_id = want.value ->> '$[0]' and d.drive_id = want.value ->> '$[1]'`,
    )
    .bind(JSON.stringify(drive_ids.map((drive_id) => [tenantOf(drive_id), drive_id])));

export async function lastSeqs(db: D1Database, drive_ids: readonly string[]): Promise<Map<string, number>> {
  const { results } = await seqsStatement(db, drive_ids).all<{ drive_id: string; seq: number }>();
  return new Map(results.map(({ drive_id, seq }) => [drive_id, seq]));
}
