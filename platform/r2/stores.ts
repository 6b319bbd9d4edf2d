/** The object store of a Worker: its bucket, and the replica's where there is one. docs/spec/replica.md. */
import type { Side, Sides } from "../../core/replica/ports.ts";
import { ReplicatedStore } from "../../core/replica/replicated-store.ts";
import type { Allowance } from "../../core/storage/allowance.ts";
import { boundedCatalog, boundedObjects } from "../../core/storage/deadline.ts";
import type { ObjectStore } from "../../core/storage/ports.ts";
import { D1StoreRecord } from "../d1/directory/store-record.ts";
import { R2ObjectStore } from "./object-store.ts";
import { StoreWatch } from "./store-watch.ts";

export interface Buckets {
  BLOBS: R2Bucket;
  /** Without it nothing is kept twice, and nothing falls back (RP14). */
  BLOBS_REPLICA?: R2Bucket;
  DIRECTORY: D1Database;
}

const clock = {
  now: (): number => Date.now(),
  sleep: (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

export function createObjects({ BLOBS, BLOBS_REPLICA, DIRECTORY }: Buckets): ObjectStore {
  const primary = new R2ObjectStore(BLOBS);
  if (BLOBS_REPLICA === undefined) return boundedObjects(primary);
  const watch = new StoreWatch(new D1StoreRecord(DIRECTORY), (guarded) => store.breakers[guarded].trip());
  const store = new ReplicatedStore({ primary, replica: new R2ObjectStore(BLOBS_REPLICA), clock, watch });
  return store;
}

/** The two apart, for what copies and compares them; null where there is no replica. */
export function createSides({ BLOBS, BLOBS_REPLICA }: Buckets, spare: Allowance): Sides | null {
  if (BLOBS_REPLICA === undefined) return null;
  const side = (bucket: R2Bucket): Side => {
    const store = new R2ObjectStore(bucket);
    return { ...boundedObjects(store), ...boundedCatalog(store) };
  };
  return { primary: side(BLOBS), replica: side(BLOBS_REPLICA), spare };
}
