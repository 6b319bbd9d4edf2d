import type { FileRow, JournalRow } from "../../../core/files/model.ts";
import { type TenantId, tenantOf } from "../../../core/protocol/ids.ts";
import { cursorExpired, JOURNAL_KEPT } from "../../../core/sync/kept.ts";
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

  /** Entries after `seq`, oldest first, with the files' present state, and from where on all are kept: one round trip. */
  async since(drive_id: string, seq: number, limit: number): Promise<{ entries: JournalEntry[]; first_seq: number }> {
    const [found, drive] = await this.#db.batch<Stored>([
      this.#statement("j.seq > ?3 order by j.seq limit ?4", drive_id, seq, limit),
      firstSeqStatement(this.#db, this.#tenant, drive_id),
    ]);
    return { entries: this.#entries(drive_id, found?.results ?? []), first_seq: firstSeqOf(drive) };
  }

  /** The newest entries first: what happened lately. */
  async latest(drive_id: string, before: number | null, limit: number): Promise<JournalEntry[]> {
    const last = before ?? Number.MAX_SAFE_INTEGER;
    const found = await this.#statement("j.seq < ?3 order by j.seq desc limit ?4", drive_id, last, limit).all<Stored>();
    return this.#entries(drive_id, found.results);
  }

  #statement(where: string, drive_id: string, seq: number, limit: number): D1PreparedStatement {
    return this.#db
      .prepare(
        `select f.*, j.seq as j_seq, j.op as j_op, j.file_id as j_file_id, j.version_id as j_version_id,
           j.permission_id as j_permission_id, j.op_id as j_op_id, j.actor_id as j_actor_id,
           j.device_id as j_device_id, j.conflict_of as j_conflict_of, j.at as j_at
         from journal j left join files f on f.tenant_id = ?1 and f.file_id = j.file_id
         where j.tenant_id = ?1 and j.drive_id = ?2 and ${where}`,
      )
      .bind(this.#tenant, drive_id, seq, limit);
  }

  #entries(drive_id: string, rows: Stored[]): JournalEntry[] {
    return rows.map((row) => ({
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

export const firstSeqStatement = (db: D1Database, tenant: TenantId, drive_id: string): D1PreparedStatement =>
  db.prepare("select first_seq from drives where tenant_id = ?1 and drive_id = ?2").bind(tenant, drive_id);

export const firstSeqOf = (answer: D1Result<Stored> | undefined): number =>
  (answer?.results[0]?.first_seq as number | undefined) ?? 1;

const ofDrive = "tenant_id = ?1 and drive_id = ?2";

/**
 * By bisection: numbers have no gaps (J1), and times grow with them. A row that is missing counts as too young: more is
 * told then, not less.
 */
const SELECT_BEFORE = `
with recursive step (low, high) as (
  select (select first_seq from drives where ${ofDrive}) - 1,
    (select seq from journal where ${ofDrive} order by seq desc limit 1)
  union all
  select iif(j.at < ?3, j.seq, s.low), iif(j.at < ?3, s.high, (s.low + s.high + 1) / 2 - 1)
  from step s left join journal j on ${ofDrive} and j.seq = (s.low + s.high + 1) / 2
  where s.low < s.high)
select low as seq, d.first_seq, d.created_at from step cross join drives d on ${ofDrive} where low >= high`;

const beforeStatement = (db: D1Database, drive_id: string, at: number): D1PreparedStatement =>
  db.prepare(SELECT_BEFORE).bind(tenantOf(drive_id), drive_id, at);

interface Before {
  seq: number;
  first_seq: number;
  created_at: number;
}

/** Throws `cursor_expired` when entries younger than `at` may have been cut away. */
function seqBefore(found: Before | undefined, at: number, now: number): number {
  if (found === undefined || at <= found.created_at) return 0;
  const { seq, first_seq } = found;
  if (at < now - JOURNAL_KEPT && first_seq > 1 && seq < first_seq) throw cursorExpired();
  return seq;
}

/** The last sequence numbers older than `at`, of drives of one shard, whatever their tenants: one round trip. */
export async function seqsBefore(
  db: D1Database,
  drive_ids: readonly string[],
  at: number,
  now: number,
): Promise<Map<string, number>> {
  const answers = await db.batch<Before>(drive_ids.map((drive_id) => beforeStatement(db, drive_id, at)));
  return new Map(drive_ids.map((drive_id, i) => [drive_id, seqBefore(answers[i]?.results[0], at, now)]));
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
