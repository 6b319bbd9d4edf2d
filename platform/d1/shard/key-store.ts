import type { KeyStore, TenantKeyRow } from "../../../core/keys/ports.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { ShardMap } from "../shard-map.ts";

const gone = (): DriveError => new DriveError("not_found", "This tenant is gone.");

/** Tenant key versions, each in its tenant's shard. */
export class D1KeyStore implements KeyStore {
  readonly #shards: ShardMap;

  constructor(shards: ShardMap) {
    this.#shards = shards;
  }

  async #shard(tenant_id: TenantId): Promise<D1Database> {
    const place = await this.#shards.find(tenant_id);
    if (place === null) throw gone();
    return place.db;
  }

  async newest(tenant_id: TenantId): Promise<TenantKeyRow | null> {
    const shard = await this.#shard(tenant_id);
    return shard
      .prepare("select * from tenant_keys where tenant_id = ?1 order by version desc limit 1")
      .bind(tenant_id)
      .first<TenantKeyRow>();
  }

  async find(tenant_id: TenantId, version: number): Promise<TenantKeyRow | null> {
    const shard = await this.#shard(tenant_id);
    return shard
      .prepare("select * from tenant_keys where tenant_id = ?1 and version = ?2")
      .bind(tenant_id, version)
      .first<TenantKeyRow>();
  }

  async add(row: TenantKeyRow): Promise<TenantKeyRow> {
    const { tenant_id, version, master_version, wrapped_key, created_at } = row;
    const shard = await this.#shard(tenant_id);
    await shard
      .prepare(
        `insert into tenant_keys (tenant_id, version, master_version, wrapped_key, created_at)
         select ?1, ?2, ?3, ?4, ?5 from tenants where tenant_id = ?1 and state = 'active' on conflict do nothing`,
      )
      .bind(tenant_id, version, master_version, wrapped_key, created_at)
      .run();
    const there = await this.find(tenant_id, version);
    if (there === null) throw gone();
    return there;
  }
}
