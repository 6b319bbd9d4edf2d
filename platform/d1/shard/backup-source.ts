/** What a backup reads of a tenant. docs/spec/durability.md, BK1, BK4 and BK6. */
import type { Segment } from "../../../core/backup/model.ts";
import type { Key, TenantSource } from "../../../core/backup/ports.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { databaseNow, NOW, readPage } from "../paged.ts";
import { BACKED_UP } from "./backup-tables.ts";
import type { Stored } from "./rows.ts";

/** Among the consumers of the journal, though no event wakes it. */
export const BACKUP_MARK = "backup";

/** Entries of a segment, each of which may bring a manifest of 16 KiB, and rows of a page beyond what its table allows. */
const LIMITS = { entries: 400, rows: Infinity };

/** Of tenant ?1 and drive ?2, ?4 entries behind ?3. */
const ENTRY = `entry as materialized (
  select * from journal where tenant_id = ?1 and drive_id = ?2 and seq > ?3 order by seq limit ?4)`;

/** Versions that came, or whose content was found to be another one. */
const VERSION = `version as materialized (
  select v.* from (select distinct file_id from entry where op in ('created', 'modified', 'verified')) w
    cross join versions v on v.tenant_id = ?1 and v.file_id = w.file_id
  where v.version_id in (select version_id from entry))`;

const SELECT_FILES = `with ${ENTRY}
select f.* from (select distinct file_id from entry) w cross join files f on f.tenant_id = ?1 and f.file_id = w.file_id`;

const SELECT_VERSIONS = `with ${ENTRY}, ${VERSION} select * from version`;

const SELECT_KEPT = `with ${ENTRY}
select v.file_id, json_group_array(v.version_number) as numbers
from (select distinct file_id from entry where op = 'version_purged') w
  cross join versions v on v.tenant_id = ?1 and v.file_id = w.file_id
group by v.file_id`;

const SELECT_CONTENTS = `with ${ENTRY}, ${VERSION}
select c.* from (select distinct content_id from version) w
  cross join contents c on c.tenant_id = ?1 and c.content_id = w.content_id`;

const SELECT_PERMISSIONS = `with ${ENTRY}
select p.* from (select distinct file_id, permission_id from entry where permission_id is not null) w
  cross join permissions p on p.tenant_id = ?1 and p.file_id = w.file_id and p.permission_id = w.permission_id`;

const SELECT_VERIFICATIONS = `with ${ENTRY}, ${VERSION}
select x.* from (select distinct content_id from version) w
  cross join verifications x on x.tenant_id = ?1 and x.drive_id = ?2 and x.content_id = w.content_id`;

export class D1BackupSource implements TenantSource {
  readonly tables = Object.keys(BACKED_UP);
  readonly #db: D1Database;
  readonly #tenant: TenantId;
  readonly #limits: typeof LIMITS;

  constructor(db: D1Database, tenant: TenantId, limits = LIMITS) {
    this.#db = db;
    this.#tenant = tenant;
    this.#limits = limits;
  }

  now(): Promise<number> {
    return databaseNow(this.#db);
  }

  async page(name: string, after: Key | null): Promise<{ rows: Stored[]; last: Key | null }> {
    const { table, page } = BACKED_UP[name] as (typeof BACKED_UP)[string];
    return readPage(this.#db, table, [this.#tenant], after, Math.min(page, this.#limits.rows));
  }

  async seqs(): Promise<Record<string, number> | null> {
    const { results } = await this.#db
      .prepare(
        `select d.drive_id, d.seq from tenants t cross join drives d on d.tenant_id = t.tenant_id
         where t.tenant_id = ?1 and t.state = 'active'`,
      )
      .bind(this.#tenant)
      .all<{ drive_id: string; seq: number }>();
    return results.length === 0 ? null : Object.fromEntries(results.map(({ drive_id, seq }) => [drive_id, seq]));
  }

  async segment(drive_id: string, from: number): Promise<Segment | null> {
    const own = this.#db;
    const of = (sql: string): D1PreparedStatement =>
      own.prepare(sql).bind(this.#tenant, drive_id, from, this.#limits.entries);
    // One batch is one snapshot.
    const answers = await own.batch<Stored>([
      own
        .prepare(`select ${NOW} as at, t.* from tenants t where tenant_id = ?1 and state = 'active'`)
        .bind(this.#tenant),
      own.prepare("select * from drives where tenant_id = ?1 and drive_id = ?2").bind(this.#tenant, drive_id),
      of(`with ${ENTRY} select * from entry`),
      of(SELECT_FILES),
      of(SELECT_VERSIONS),
      of(SELECT_KEPT),
      of(SELECT_CONTENTS),
      of(SELECT_PERMISSIONS),
      of(SELECT_VERIFICATIONS),
    ]);
    const [tenants, drives, journal, files, versions, kept, contents, permissions, verifications] = answers.map(
      ({ results }) => results,
    ) as [Stored[], Stored[], Stored[], Stored[], Stored[], Stored[], Stored[], Stored[], Stored[]];
    const [tenant] = tenants;
    const [drive] = drives;
    if (tenant === undefined || drive === undefined) return null;
    const { at, ...row } = tenant;
    const upto = (journal.at(-1)?.seq as number | undefined) ?? from;
    return {
      kind: "segment",
      drive_id,
      at: at as number,
      from,
      upto,
      is_cut: upto === drive.seq,
      tenants: [row],
      drives,
      touched: [...new Set(journal.map((entry) => entry.file_id as string))],
      files,
      versions,
      kept: kept.map(({ file_id, numbers }) => ({
        file_id: file_id as string,
        numbers: JSON.parse(numbers as string) as number[],
      })),
      contents,
      permissions,
      verifications,
      journal,
    };
  }

  async mark(drive_id: string): Promise<number | null> {
    return this.#db
      .prepare("select seq from event_marks where tenant_id = ?1 and drive_id = ?2 and consumer = ?3")
      .bind(this.#tenant, drive_id, BACKUP_MARK)
      .first<number>("seq");
  }

  async moveMark(drive_id: string, seq: number): Promise<void> {
    await this.#db
      .prepare(
        `insert into event_marks (tenant_id, drive_id, consumer, seq) values (?1, ?2, ?3, ?4)
         on conflict (tenant_id, drive_id, consumer) do update set seq = excluded.seq where excluded.seq > event_marks.seq`,
      )
      .bind(this.#tenant, drive_id, BACKUP_MARK, seq)
      .run();
  }
}
