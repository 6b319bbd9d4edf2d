/** What the sweep finds: drives whose journal a consumer has not recorded, and failures that are due. */
import { CONSUMERS, type ConsumerName, type DriveKey, type Wake } from "../../../core/events/wake.ts";
import { BACKUP_MARK } from "./backup-source.ts";

/** Drives looked at in one statement. */
const PAGE = 1000;
const DUE_PAGE = 1000;

export interface Lagging extends Wake {
  consumer: ConsumerName;
}

/** A drive whose backup is behind. */
export interface Unsaved extends DriveKey {
  is_new: 0 | 1;
  since: number;
}

/** Of a row `x`. Nobody answers for the others here: their marks would lag, and their failures be due, for ever. */
const isServed = (x: string): string =>
  `exists (select 1 from tenants t where t.tenant_id = ${x}.tenant_id and t.state = 'active')`;

/**
 * A row that nobody recorded and that is older than `before`: then its wake is not just under way. The whole table of
 * drives is walked, because reading a drive and its marks costs a thousandth of what an index of "dirty" drives would
 * write with every commit.
 */
const SELECT_LAGGING = `
with page as (
  select tenant_id, drive_id, seq, due from drives where (tenant_id, drive_id) > (?1, ?2)
  order by tenant_id, drive_id limit ${PAGE}
)
select p.tenant_id, p.drive_id, p.seq, c.value as consumer
from page p join json_each(?3) c
left join event_marks m on m.tenant_id = p.tenant_id and m.drive_id = p.drive_id and m.consumer = c.value
where coalesce(m.seq, 0) < p.due ->> ('$."' || c.value || '"') and exists (
  select 1 from journal j where j.tenant_id = p.tenant_id and j.drive_id = p.drive_id
    and j.seq > coalesce(m.seq, 0) and j.at < ?4) and ${isServed("p")}`;

/** Drives that no segment follows yet, and those whose journal has moved on. `since`: when the first entry was made. */
const SELECT_UNSAVED = `
with page as (
  select tenant_id, drive_id, seq, created_at from drives where (tenant_id, drive_id) > (?1, ?2)
  order by tenant_id, drive_id limit ${PAGE}
)
select p.tenant_id, p.drive_id, m.seq is null as is_new,
  coalesce((select j.at from journal j where j.tenant_id = p.tenant_id and j.drive_id = p.drive_id
    and j.seq > coalesce(m.seq, 0) order by j.seq limit 1), p.created_at) as since
from page p left join event_marks m
  on m.tenant_id = p.tenant_id and m.drive_id = p.drive_id and m.consumer = '${BACKUP_MARK}'
where coalesce(m.seq, -1) < p.seq and ${isServed("p")}`;

const SELECT_LAST = `
select tenant_id, drive_id from (
  select tenant_id, drive_id from drives where (tenant_id, drive_id) > (?1, ?2) order by tenant_id, drive_id limit ${PAGE})
order by tenant_id desc, drive_id desc limit 1`;

/** One page of drives. `next` is null at the end of the shard. @param backup whether it also finds what is not backed up */
export async function findLagging(
  db: D1Database,
  after: DriveKey | null,
  before: number,
  backup = false,
): Promise<{ lagging: Lagging[]; unsaved: Unsaved[]; next: DriveKey | null }> {
  const from = [after?.tenant_id ?? 0, after?.drive_id ?? ""] as const;
  const [lagging, last, unsaved] = await db.batch([
    db.prepare(SELECT_LAGGING).bind(...from, JSON.stringify(CONSUMERS), before),
    db.prepare(SELECT_LAST).bind(...from),
    ...(backup ? [db.prepare(SELECT_UNSAVED).bind(...from)] : []),
  ]);
  return {
    lagging: (lagging as D1Result<Lagging>).results,
    unsaved: (unsaved as D1Result<Unsaved> | undefined)?.results ?? [],
    next: (last as D1Result<DriveKey>).results[0] ?? null,
  };
}

/** Drives that have failures to try again, whatever their marks say. */
export async function findDue(db: D1Database, now: number): Promise<Lagging[]> {
  const { results } = await db
    .prepare(
      `select tenant_id, drive_id, consumer, max(seq) as seq from event_failures f
       where retry_at <= ?1 and ${isServed("f")}
       group by tenant_id, drive_id, consumer limit ${DUE_PAGE}`,
    )
    .bind(now)
    .all<Lagging>();
  return results;
}
