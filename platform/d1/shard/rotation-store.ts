/** The tenant keys of a shard, for rotation. docs/spec/storage.md, K8. */
import type { MasterUse } from "../../../core/keys/retire.ts";
import type { RotationStore, SweptKey, TenantKeyPlace, TenantKeyRow } from "../../../core/keys/ports.ts";

const PAGE = 500;

/** The whole table is walked: an index of masters would cost a row with every key and find nothing most of the time. */
const SELECT_PAGE = `
select k.*, (select max(n.version) from tenant_keys n where n.tenant_id = k.tenant_id) = k.version as is_newest,
  exists (select 1 from tenants t where t.tenant_id = k.tenant_id and t.state = 'active') as is_served
from tenant_keys k where (k.tenant_id, k.version) > (?1, ?2) order by k.tenant_id, k.version limit ${PAGE}`;

const SWAP = `
update tenant_keys set master_version = ?5, wrapped_key = ?6
where tenant_id = ?1 and version = ?2 and master_version = ?3 and wrapped_key = ?4
  and exists (select 1 from tenants where tenant_id = ?1 and state = 'active') returning 1`;

const SELECT_MISSING = `
select want.value ->> '$[0]' as tenant_id, want.value ->> '$[1]' as version from json_each(?1) want
  cross join tenants t on t.tenant_id = want.value ->> '$[0]' and t.state = 'active'
where not exists (
  select 1 from tenant_keys k where k.tenant_id = t.tenant_id and k.version = want.value ->> '$[1]')`;

type Swept = TenantKeyRow & { is_newest: number; is_served: number };

export class D1RotationStore implements RotationStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async page(after: TenantKeyPlace | null): Promise<{ keys: SweptKey[]; next: TenantKeyPlace | null }> {
    const { results } = await this.#db
      .prepare(SELECT_PAGE)
      .bind(after?.tenant_id ?? 0, after?.version ?? 0)
      .all<Swept & Record<string, unknown>>();
    const last = results.length < PAGE ? undefined : results.at(-1);
    return {
      keys: results
        .filter((row) => row.is_served === 1)
        .map(({ is_served: _, is_newest, ...row }) => ({ ...row, is_newest: is_newest === 1 })),
      next: last === undefined ? null : { tenant_id: last.tenant_id, version: last.version },
    };
  }

  async missing(places: readonly TenantKeyPlace[]): Promise<TenantKeyPlace[]> {
    const wanted = JSON.stringify(places.map(({ tenant_id, version }) => [tenant_id, version]));
    const { results } = await this.#db
      .prepare(SELECT_MISSING)
      .bind(wanted)
      .all<TenantKeyPlace & Record<string, unknown>>();
    return results;
  }

  async swap(from: TenantKeyRow, to: TenantKeyRow): Promise<boolean> {
    const swapped = await this.#db
      .prepare(SWAP)
      .bind(from.tenant_id, from.version, from.master_version, from.wrapped_key, to.master_version, to.wrapped_key)
      .first();
    return swapped !== null;
  }
}

/** Rows of all tenants, whatever their state. */
export const shardUse = (place: string, db: D1Database): MasterUse => ({
  place,
  async count() {
    const { results } = await db
      .prepare("select master_version, count(*) as keys from tenant_keys group by master_version")
      .all<{ master_version: string; keys: number }>();
    return new Map(results.map(({ master_version, keys }) => [master_version, keys]));
  },
});
