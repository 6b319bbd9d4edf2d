/** Which shard a tenant lies in. Cached for a minute: the guard in every batch makes a stale answer harmless. */
import type { TenantId } from "../../core/protocol/ids.ts";

export interface TenantPlace {
  tenant_id: TenantId;
  name: string;
  shard: string;
  state: "active" | "suspended" | "deleted";
  plan: string;
  db: D1Database;
}

const TTL = 60_000;
/** Keeps the map's memory bounded in a long-lived isolate. */
const SIZE_MAX = 10_000;

export class ShardMap {
  readonly #directory: D1Database;
  readonly #shards: Map<string, D1Database>;
  readonly #places = new Map<TenantId, { place: TenantPlace; until: number }>();

  constructor(directory: D1Database, shards: Map<string, D1Database>) {
    this.#directory = directory;
    this.#shards = shards;
  }

  get shards(): ReadonlyMap<string, D1Database> {
    return this.#shards;
  }

  /** Null for a tenant that does not exist: to callers the same as an unknown id. */
  async find(tenant: TenantId): Promise<TenantPlace | null> {
    const known = this.#places.get(tenant);
    if (known !== undefined && known.until > Date.now()) return known.place;
    const row = await this.#directory
      .prepare("select tenant_id, name, shard, state, plan from tenants where tenant_id = ?1 and state <> 'deleted'")
      .bind(tenant)
      .first<Omit<TenantPlace, "db">>();
    if (row === null) return null;
    const db = this.#shards.get(row.shard);
    if (db === undefined) throw new Error(`tenant ${tenant} lies in ${row.shard}, which is not bound`);
    const place = { ...row, db };
    if (this.#places.size >= SIZE_MAX) this.#places.clear();
    this.#places.set(tenant, { place, until: Date.now() + TTL });
    return place;
  }
}
