/** Which shard a tenant lies in. Cached for a minute: the guard in every batch makes a stale answer harmless. */
import { type TenantId, tenantOf } from "../../core/protocol/ids.ts";

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
    return (await this.findMany([tenant])).get(tenant) ?? null;
  }

  /** One query for all that are not known yet; tenants that do not exist are missing. @param tenants a few thousand at most */
  async findMany(tenants: readonly TenantId[]): Promise<Map<TenantId, TenantPlace>> {
    const now = Date.now();
    const places = new Map<TenantId, TenantPlace>();
    const asked = new Set<TenantId>();
    for (const tenant of tenants) {
      const known = this.#places.get(tenant);
      if (known !== undefined && known.until > now) places.set(tenant, known.place);
      else asked.add(tenant);
    }
    if (asked.size === 0) return places;
    const { results } = await this.#directory
      .prepare(
        `select t.tenant_id, t.name, t.shard, t.state, t.plan from json_each(?1) want
           cross join tenants t on t.tenant_id = want.value where t.state <> 'deleted'`,
      )
      .bind(JSON.stringify([...asked]))
      .all<Omit<TenantPlace, "db">>();
    for (const row of results) {
      const place = { ...row, db: this.#databaseOf(row) };
      if (this.#places.size >= SIZE_MAX) this.#places.clear();
      this.#places.set(row.tenant_id, { place, until: now + TTL });
      places.set(row.tenant_id, place);
    }
    return places;
  }

  /** Ids of any tenants by the shards where they lie; those of tenants that do not exist are missing. */
  async byShard(ids: readonly string[]): Promise<Map<D1Database, string[]>> {
    const places = await this.findMany(ids.map(tenantOf));
    const known = ids.filter((id) => places.has(tenantOf(id)));
    return Map.groupBy(known, (id) => (places.get(tenantOf(id)) as TenantPlace).db);
  }

  #databaseOf({ tenant_id, shard }: Omit<TenantPlace, "db">): D1Database {
    const db = this.#shards.get(shard);
    if (db === undefined) throw new Error(`tenant ${tenant_id} lies in ${shard}, which is not bound`);
    return db;
  }
}
