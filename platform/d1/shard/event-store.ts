/** Marks and failures of the consumers of a drive's journal. docs/spec/events.md. */
import type { EventFailure, EventStore, Pending } from "../../../core/events/ports.ts";
import type { ConsumerName } from "../../../core/events/wake.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { type Stored, toJournal } from "./rows.ts";
import * as schema from "./schema.ts";
import { upsertRows } from "./upsert.ts";

const SELECT_ENTRIES = `
select * from journal where tenant_id = ?1 and drive_id = ?2
  and seq > coalesce((select seq from event_marks where tenant_id = ?1 and drive_id = ?2 and consumer = ?3), 0)
order by seq limit ?4`;

const SELECT_DUE = `
select f.seq as failed_seq, f.attempts, f.error, f.retry_at, j.*
from event_failures f left join journal j on j.tenant_id = f.tenant_id and j.drive_id = f.drive_id and j.seq = f.seq
where f.tenant_id = ?1 and f.drive_id = ?2 and f.consumer = ?3 and f.retry_at <= ?4
order by f.seq limit ?5`;

const ADVANCE = `
insert into event_marks (tenant_id, drive_id, consumer, seq) values (?1, ?2, ?3, ?4)
on conflict (tenant_id, drive_id, consumer) do update set seq = excluded.seq where excluded.seq > event_marks.seq
returning seq`;

const SETTLE = `
delete from event_failures where tenant_id = ?1 and drive_id = ?2 and consumer = ?3
  and seq in (select value from json_each(?4))`;

const toFailure = (row: Stored): EventFailure => ({
  seq: row.failed_seq as number,
  attempts: row.attempts as number,
  error: row.error as string,
  retry_at: row.retry_at as number,
});

export class D1EventStore implements EventStore {
  readonly #db: D1Database;
  readonly #key: [TenantId, string, ConsumerName];

  constructor(db: D1Database, tenant_id: TenantId, drive_id: string, consumer: ConsumerName) {
    this.#db = db;
    this.#key = [tenant_id, drive_id, consumer];
  }

  async pending(limits: { entries: number; due: number }, now: number): Promise<Pending> {
    const [marks, entries, due] = await this.#db.batch<Stored>([
      this.#db
        .prepare("select seq from event_marks where tenant_id = ?1 and drive_id = ?2 and consumer = ?3")
        .bind(...this.#key),
      this.#db.prepare(SELECT_ENTRIES).bind(...this.#key, limits.entries),
      this.#db.prepare(SELECT_DUE).bind(...this.#key, now, limits.due),
    ]);
    return {
      mark: ((marks as D1Result<Stored>).results[0]?.seq as number | undefined) ?? 0,
      entries: (entries as D1Result<Stored>).results.map(toJournal),
      due: (due as D1Result<Stored>).results.map((row) => ({
        failure: toFailure(row),
        entry: row.seq === null ? null : toJournal(row),
      })),
    };
  }

  async record({
    mark,
    failed,
    settled,
  }: {
    mark: number;
    failed: EventFailure[];
    settled: number[];
  }): Promise<boolean> {
    const [tenant_id, drive_id, consumer] = this.#key;
    const rows = failed.map((failure) => ({ tenant_id, drive_id, consumer, ...failure }));
    const statements = [
      this.#db.prepare(ADVANCE).bind(...this.#key, mark),
      ...upsertRows(this.#db, schema.event_failures, rows),
    ];
    if (settled.length > 0) statements.push(this.#db.prepare(SETTLE).bind(...this.#key, JSON.stringify(settled)));
    const [moved] = await this.#db.batch(statements);
    return (moved?.results.length ?? 0) > 0;
  }
}
