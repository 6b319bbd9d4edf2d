/** Cuts away what is old of journals, in pieces. docs/spec/sync.md, J9. */
import { CONSUMERS } from "../../../core/events/wake.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { DAY } from "../../../core/time.ts";
import { BACKUP_MARK } from "./backup-source.ts";
import type { Stored } from "./rows.ts";

/** Entries that one batch looks at. */
export const PIECE = 2_000;

/**
 * Where the journal is to begin: behind the run of entries older than ?3, behind none that a consumer has not recorded,
 * and never behind the newest, so that whoever is behind it finds something in front of them.
 */
const SELECT_NEXT = `
with piece as (
  select j.seq, j.at from drives d cross join journal j
    on j.tenant_id = ?1 and j.drive_id = ?2 and j.seq >= d.first_seq
  where d.tenant_id = ?1 and d.drive_id = ?2 order by j.seq limit ${PIECE}
)
select d.first_seq, min(
  coalesce((select min(seq) from piece where at >= ?3), (select max(seq) + 1 from piece), d.first_seq),
  (select min(coalesce(m.seq, 0)) + 1 from json_each(?4) c left join event_marks m
     on m.tenant_id = ?1 and m.drive_id = ?2 and m.consumer = c.value),
  d.seq) as next_seq
from drives d where d.tenant_id = ?1 and d.drive_id = ?2`;

/**
 * What stays: for each file that is there the entry of its last change, for those who begin at the journal's beginning;
 * what tells of grants, by which pointers are made again; and what a consumer could not handle. A clock that was behind
 * makes a file's time differ from its entry's, by far less than a day.
 */
const DELETE = `
delete from journal where tenant_id = ?1 and drive_id = ?2 and seq >= ?3 and seq < ?4
  and op not in ('shared', 'unshared')
  and not exists (select 1 from files f where f.tenant_id = ?1 and f.file_id = journal.file_id
    and f.updated_at <= journal.at + ${DAY})
  and not exists (select 1 from json_each(?5) c cross join event_failures x on x.tenant_id = ?1 and x.drive_id = ?2
    and x.consumer = c.value and x.seq = journal.seq)`;

export class JournalCut {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  /** The next drive of the tenant behind one. */
  drive(after: string): Promise<string | null> {
    return this.#db
      .prepare("select drive_id from drives where tenant_id = ?1 and drive_id > ?2 order by drive_id limit 1")
      .bind(this.#tenant, after)
      .first<string>("drive_id");
  }

  /**
   * One piece, in one batch. Fails when another cut was quicker.
   * @param before milliseconds since the epoch
   * @returns whether there may be more
   */
  async cut(drive_id: string, before: number): Promise<boolean> {
    const key = [this.#tenant, drive_id] as const;
    const consumers = JSON.stringify([...CONSUMERS, BACKUP_MARK]);
    const place = await this.#db
      .prepare(SELECT_NEXT)
      .bind(...key, before, consumers)
      .first<Stored>();
    const { first_seq = 0, next_seq = 0 } = (place ?? {}) as { first_seq?: number; next_seq?: number };
    if (next_seq <= first_seq) return false;
    await this.#db.batch([
      this.#db
        .prepare("update drives set first_seq = ?4 where tenant_id = ?1 and drive_id = ?2 and first_seq = ?3")
        .bind(...key, first_seq, next_seq),
      this.#db.prepare("select case when changes() = 0 then json_extract('{}', 'journal_was_cut') end"),
      this.#db.prepare(DELETE).bind(...key, first_seq, next_seq, consumers),
    ]);
    return true;
  }
}
