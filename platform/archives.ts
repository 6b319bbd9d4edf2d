/** The archive buckets of tenants. docs/spec/tiers.md, TI14. */
import { BoundedCache } from "../core/keys/bounded-cache.ts";
import type { KeyRing } from "../core/keys/ring.ts";
import type { TenantId } from "../core/protocol/ids.ts";
import { openSettings } from "../core/tiers/archive-settings.ts";
import type { ArchiveBucket } from "../core/tiers/ports.ts";
import { ArchiveRows } from "./d1/shard/archive-rows.ts";
import { S3ArchiveBucket } from "./s3/archive-bucket.ts";
import type { ShardMap } from "./d1/shard-map.ts";

/** Settings that changed are used everywhere after this long. Milliseconds. */
const TTL = 60_000;

export class Archives {
  readonly #shards: ShardMap;
  readonly #keys: KeyRing;
  readonly #known = new BoundedCache<{ bucket: ArchiveBucket | null }>(1_000, TTL, () => Date.now());

  constructor(shards: ShardMap, keys: KeyRing) {
    this.#shards = shards;
    this.#keys = keys;
  }

  /** Null for a tenant that has none. */
  async of(tenant_id: TenantId): Promise<ArchiveBucket | null> {
    const known = this.#known.get(String(tenant_id));
    if (known !== undefined) return known.bucket;
    const place = await this.#shards.find(tenant_id);
    const bucket = place === null ? null : await archiveOf(place.db, this.#keys, tenant_id);
    this.#known.set(String(tenant_id), { bucket });
    return bucket;
  }
}

/** As its row in a shard has it; null for none. */
export async function archiveOf(db: D1Database, keys: KeyRing, tenant_id: TenantId): Promise<S3ArchiveBucket | null> {
  const row = await new ArchiveRows(db, tenant_id).find();
  return row === null ? null : new S3ArchiveBucket(await openSettings(keys, tenant_id, row));
}
