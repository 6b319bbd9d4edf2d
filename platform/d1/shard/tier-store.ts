/** In which tier a tenant's packs lie, and when they were read. docs/spec/tiers.md. */
import type { TenantId } from "../../../core/protocol/ids.ts";
import {
  type Moved,
  type TierBytes,
  type TieredPack,
  TIERS,
  type TierSettings,
  type TierStore,
} from "../../../core/tiers/ports.ts";
import type { Stored } from "./rows.ts";

const PAGE = 1_000;

/** One row for each pack and day: the bits of earlier days move up, and 30 are kept. */
const NOTE = `
update packs set reads = ((ifnull(reads, 0) << min(?3 - ifnull(read_day, 0), 31)) | 1) & 0x3fffffff, read_day = ?3
where tenant_id = ?1 and pack_id in (select value from json_each(?2)) and ifnull(read_day, 0) < ?3`;

/** Of a pack in the object of moves by id: a join of the list would read all that the tenant has. */
const said = (field: keyof Moved): string => `(?2 ->> ('$."' || pack_id || '".${field}'))`;

/** A pack that was read since it was looked at moves all the same when it goes to where reads find it. */
const SETTLE = `
update packs set tier = nullif(${said("to")}, 'standard'), tiered_at = ?3
where tenant_id = ?1 and pack_id in (select key from json_each(?2)) and state = 'live'
  and ifnull(tier, 'standard') = ${said("from")}
  and (ifnull(read_day, 0) = ${said("read_day")} or ${said("to")} <> 'archive')`;

export class D1TierStore implements TierStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  policy(): Promise<TierSettings | null> {
    return this.#db
      .prepare("select infrequent_days, archive_days from tenants where tenant_id = ?1 and state = 'active'")
      .bind(this.#tenant)
      .first<TierSettings & Stored>();
  }

  async page(after: string): Promise<TieredPack[]> {
    const { results } = await this.#db
      .prepare(
        `select pack_id, state, size, created_at, ifnull(tier, 'standard') as tier, ifnull(tiered_at, 0) as tiered_at,
           ifnull(read_day, 0) as read_day, ifnull(reads, 0) as reads
         from packs where tenant_id = ?1 and pack_id > ?2 and state <> 'deleted' order by pack_id limit ${PAGE}`,
      )
      .bind(this.#tenant, after)
      .all<TieredPack & Stored>();
    return results;
  }

  async settle(moved: readonly Moved[], now: number): Promise<void> {
    const byId = Object.fromEntries(moved.map((move) => [move.pack_id, move]));
    await this.#db.prepare(SETTLE).bind(this.#tenant, JSON.stringify(byId), now).run();
  }

  async account(bytes: TierBytes, now: number): Promise<void> {
    await this.#db
      .prepare("update tenants set tier_bytes = ?2, tiers_counted_at = ?3 where tenant_id = ?1")
      .bind(this.#tenant, JSON.stringify(bytes), now)
      .run();
  }
}

/** Whether a pack that R2 does not have is, or may be, in the archive. */
export async function isArchived(db: D1Database, tenant: TenantId, pack_id: string): Promise<boolean> {
  const row = await db
    .prepare("select tier from packs where tenant_id = ?1 and pack_id = ?2 and state <> 'deleted'")
    .bind(tenant, pack_id)
    .first<string | null>("tier");
  return row === "archive" || row === "restored";
}

export async function noteReads(
  db: D1Database,
  tenant: TenantId,
  pack_ids: readonly string[],
  day: number,
): Promise<void> {
  await db.prepare(NOTE).bind(tenant, JSON.stringify(pack_ids), day).run();
}

/** Of all tenants of a shard, as their walks left them: one row read for each. */
export async function sumTiers(db: D1Database): Promise<TierBytes> {
  const sums = TIERS.map((tier) => `coalesce(sum(tier_bytes ->> '$.${tier}'), 0) as ${tier}`);
  return (await db.prepare(`select ${sums.join(", ")} from tenants`).first<TierBytes & Stored>()) as TierBytes;
}
