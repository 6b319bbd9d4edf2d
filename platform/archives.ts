/** The archive buckets of tenants. docs/spec/tiers.md, TI14. */
import { BoundedCache } from "../core/keys/bounded-cache.ts";
import type { KeyRing } from "../core/keys/ring.ts";
import type { TenantId } from "../core/protocol/ids.ts";
import { openSettings } from "../core/tiers/archive-settings.ts";
import type { ArchiveBucket } from "../core/tiers/ports.ts";
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
    const row = await place?.db
      .prepare("select archive from tenants where tenant_id = ?1")
      .bind(tenant_id)
      .first<string | null>("archive");
    const settings = typeof row === "string" ? await openSettings(this.#keys, tenant_id, row) : null;
    const bucket = settings === null ? null : new S3ArchiveBucket(settings);
    this.#known.set(String(tenant_id), { bucket });
    return bucket;
  }
}
