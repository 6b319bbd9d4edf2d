/** What scrubbing and reconciliation read. docs/spec/durability.md, SC1 and RC1. */
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { KnownPack, ScrubStore } from "../../../core/scrub/ports.ts";
import type { ReconcileStore, RowOfPack } from "../../../core/scrub/reconcile.ts";

const PACKS_PAGE = 5_000;
const ROWS_PAGE = 2_000;

export class D1ScrubStore implements ScrubStore, ReconcileStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  scrubbed = (): Promise<number | null> => this.#ofTenant("scrubbed_day");
  reconciled = (): Promise<number | null> => this.#ofTenant("reconciled_at");

  #ofTenant(column: "scrubbed_day" | "reconciled_at"): Promise<number | null> {
    return this.#db
      .prepare(`select ${column} from tenants where tenant_id = ?1 and state = 'active'`)
      .bind(this.#tenant)
      .first<number>(column);
  }

  async finishDay(day: number): Promise<void> {
    await this.#db
      .prepare("update tenants set scrubbed_day = ?2 where tenant_id = ?1 and scrubbed_day < ?2")
      .bind(this.#tenant, day)
      .run();
  }

  async packs(from: string, to: string, after: string) {
    // Filtered here, where a row that is not wanted was read once: the database would count it again.
    const { results } = await this.#db
      .prepare(
        `select pack_id, size, key_version, state, tier from packs where tenant_id = ?1 and pack_id > ?2
         order by pack_id limit ${PACKS_PAGE}`,
      )
      .bind(this.#tenant, after)
      .all<KnownPack & { state: string; tier: string | null }>();
    // The last 8 bytes of an id are random (PK1): two of them tell the part, and no row must say it.
    const isWanted = ({ pack_id, state, tier }: (typeof results)[number]): boolean =>
      state !== "deleted" && tier !== "archive" && pack_id.slice(32, 36) >= from && pack_id.slice(32, 36) < to;
    const packs = results.filter(isWanted).map(({ state: _, tier: _tier, ...pack }) => pack);
    return { packs, last: results.at(-1)?.pack_id ?? null };
  }

  pack(pack_id: string): Promise<KnownPack | null> {
    return this.#db
      .prepare(
        "select pack_id, size, key_version from packs where tenant_id = ?1 and pack_id = ?2 and state <> 'deleted'",
      )
      .bind(this.#tenant, pack_id)
      .first<KnownPack & Record<string, unknown>>();
  }

  async rows(after: string, upto: string | null) {
    const { results } = await this.#db
      .prepare(
        `select pack_id, state, size, changed_at, tier from packs where tenant_id = ?1 and pack_id > ?2 and pack_id <= ?3
         order by pack_id limit ${ROWS_PAGE}`,
      )
      // Behind every id: they are hexadecimal.
      .bind(this.#tenant, after, upto ?? "g")
      .all<RowOfPack & Record<string, unknown>>();
    return { rows: results, more: results.length === ROWS_PAGE };
  }

  async finishReconciliation(started_at: number): Promise<void> {
    await this.#db.batch([
      this.#db
        .prepare("delete from findings where tenant_id = ?1 and kind <> 'damaged' and found_at < ?2")
        .bind(this.#tenant, started_at),
      this.#db
        .prepare("update tenants set reconciled_at = ?2 where tenant_id = ?1 and reconciled_at < ?2")
        .bind(this.#tenant, started_at),
    ]);
  }
}
