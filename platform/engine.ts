import { BoundedCache } from "../core/keys/bounded-cache.ts";
import type { KeyCopies, KeyStore } from "../core/keys/ports.ts";
import { KeyRing } from "../core/keys/ring.ts";
import { MasterCheck } from "../core/keys/master-check.ts";
import type { KeyDeps } from "../core/keys/tenant-key.ts";
import type { MasterKeys } from "../core/keys/masters.ts";
import { Allowance, SPARE } from "../core/storage/allowance.ts";
import { packMissing } from "../core/storage/damage.ts";
import { type Engine, LEAVES_KEPT } from "../core/storage/engine.ts";
import { archived } from "../core/tiers/archived.ts";
import type { ReadLog } from "../core/tiers/read-log.ts";
import { zstd } from "./codec/zstd.ts";
import { D1KeyStore } from "./d1/shard/key-store.ts";
import { isArchived } from "./d1/shard/tier-store.ts";
import type { ShardMap } from "./d1/shard-map.ts";
import { createKeyCopies, createMasterChecks } from "./r2/key-stores.ts";
import { type Buckets, createObjects } from "./r2/stores.ts";

const now = (): number => Date.now();

export const createKeyDeps = (buckets: Buckets, shards: ShardMap, masters: MasterKeys): KeyDeps => ({
  masters,
  store: new D1KeyStore(shards),
  copies: createKeyCopies(buckets),
  check: new MasterCheck(masters, createMasterChecks(buckets), now),
  now,
});

/**
 * The storage engine of a Worker; one for each isolate, since it remembers keys.
 * @param reads null where what is read is not read for people
 */
export const createEngine = (
  buckets: Buckets,
  shards: ShardMap,
  masters: MasterKeys,
  reads: ReadLog | null = null,
): Engine => ({
  objects: createObjects(buckets),
  keys: new KeyRing(createKeyDeps(buckets, shards, masters)),
  codec: zstd,
  spare: new Allowance(SPARE),
  leaves: new BoundedCache(LEAVES_KEPT),
  noteRead: (tenant_id, pack_id) => reads?.note(tenant_id, pack_id),
  whyMissing: async (tenant_id, pack_id) => {
    const place = await shards.find(tenant_id);
    return place !== null && (await isArchived(place.db, tenant_id, pack_id)) ? archived() : packMissing();
  },
});

/** Where the database is lost: keys are read by their copies in R2, and none is made. */
export function createRestoreEngine(buckets: Buckets, masters: MasterKeys): Engine & { copies: KeyCopies } {
  const copies = createKeyCopies(buckets);
  const check = new MasterCheck(masters, createMasterChecks(buckets), now);
  const none = (): Promise<never> => Promise.reject(new Error("a restore makes no keys"));
  const store: KeyStore = {
    find: (tenant_id, version) => copies.find({ tenant_id, version }),
    newest: none,
    add: none,
  };
  return {
    objects: createObjects(buckets),
    keys: new KeyRing({ masters, store, copies, check, now }),
    codec: zstd,
    spare: new Allowance(SPARE),
    leaves: new BoundedCache(LEAVES_KEPT),
    noteRead: () => undefined,
    whyMissing: async () => packMissing(),
    copies,
  };
}
