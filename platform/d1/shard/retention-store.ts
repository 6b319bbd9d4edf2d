/** What the sweep of retention looks for. docs/spec/versions.md, V6 to V9. */
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { Outlived, RetentionPolicy, RetentionStore, TrashKey } from "../../../core/versions/retention.ts";

/** Tenants whose sweep begins with one tick of the cron. */
const TENANTS = 100;
/** Items of the trash in one page. */
const TRASH_PAGE = 500;
/** Files looked at by one statement. */
const FILES_PAGE = 5_000;

/** Only what is old enough is read, of each drive's part of the index. */
const SELECT_TRASHED = `
select f.drive_id, f.trashed_at, f.file_id from drives d
  cross join files f indexed by files_trash on f.tenant_id = d.tenant_id and f.drive_id = d.drive_id
    and f.trashed_at is not null and f.trashed_at <= ?2
where d.tenant_id = ?1 and d.drive_id >= ?3 and (f.drive_id, f.trashed_at, f.file_id) > (?3, ?4, ?5)
order by f.drive_id, f.trashed_at, f.file_id limit ${TRASH_PAGE}`;

/**
 * The whole table of files is walked, because reading it once a day costs a thousandth of what an index of histories
 * would write with every version. A version's time ends when the next one begins; numbers and times run together, so
 * what is not kept is all up to one number.
 */
const SELECT_OUTLIVED = `
with page as materialized (
  select file_id, drive_id, version_count from files where tenant_id = ?1 and file_id > ?2
  order by file_id limit ${FILES_PAGE}
)
select * from (
  select p.file_id, p.drive_id, p.version_count, (
    select max(version_number) from (
      select version_number, lead(created_at) over (order by version_number) as superseded_at,
        row_number() over (order by version_number desc) as place
      from versions where tenant_id = ?1 and file_id = p.file_id)
    where place > ?3 and superseded_at < ?4) as through
  from page p where p.version_count > ?3)
where through is not null`;

const SELECT_LAST = `
select file_id from (
  select file_id from files where tenant_id = ?1 and file_id > ?2 order by file_id limit ${FILES_PAGE})
order by file_id desc limit 1`;

export class D1RetentionStore implements RetentionStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  policy(): Promise<RetentionPolicy | null> {
    return this.#db
      .prepare("select version_days, version_count, trash_days from tenants where tenant_id = ?1 and state = 'active'")
      .bind(this.#tenant)
      .first<RetentionPolicy & Record<string, unknown>>();
  }

  async trashed(before: number, after: TrashKey | null): Promise<TrashKey[]> {
    const { results } = await this.#db
      .prepare(SELECT_TRASHED)
      .bind(this.#tenant, before, after?.drive_id ?? "", after?.trashed_at ?? 0, after?.file_id ?? "")
      .all<TrashKey & Record<string, unknown>>();
    return results;
  }

  async outlived(
    keep: number,
    since: number,
    after: string | null,
  ): Promise<{ files: Outlived[]; next: string | null }> {
    const from = [this.#tenant, after ?? ""] as const;
    const [outlived, last] = await this.#db.batch([
      this.#db.prepare(SELECT_OUTLIVED).bind(...from, keep, since),
      this.#db.prepare(SELECT_LAST).bind(...from),
    ]);
    return {
      files: (outlived as D1Result<Outlived>).results,
      next: (last as D1Result<{ file_id: string }>).results[0]?.file_id ?? null,
    };
  }
}

/** Tenants whose last sweep began at `before` or earlier, the longest ago first; deleted ones too: their packs are to go. */
export async function dueTenants(db: D1Database, before: number): Promise<TenantId[]> {
  const { results } = await db
    .prepare(
      `select tenant_id from tenants where state <> 'moving' and swept_at <= ?1 order by swept_at limit ${TENANTS}`,
    )
    .bind(before)
    .all<{ tenant_id: TenantId }>();
  return results.map((row) => row.tenant_id);
}

export async function markSwept(db: D1Database, tenants: readonly TenantId[], now: number): Promise<void> {
  await db
    .prepare("update tenants set swept_at = ?1 where tenant_id in (select value from json_each(?2))")
    .bind(now, JSON.stringify(tenants))
    .run();
}
