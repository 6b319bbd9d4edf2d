/** The object store of a Worker: its bucket, and the replica's where there is one. docs/spec/replica.md. */
import type { ReplicaWatch } from "../../core/replica/ports.ts";
import { ReplicatedStore } from "../../core/replica/replicated-store.ts";
import { boundedObjects } from "../../core/storage/deadline.ts";
import type { ObjectStore } from "../../core/storage/ports.ts";
import { R2ObjectStore } from "./object-store.ts";

export interface Buckets {
  BLOBS: R2Bucket;
  /** Without it nothing is kept twice, and nothing falls back (RP14). */
  BLOBS_REPLICA?: R2Bucket;
}

export const clock = {
  now: (): number => Date.now(),
  sleep: (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

/** Whoever runs this is to be woken by lines that have `alert`. */
const watch: ReplicaWatch = {
  moved: (guarded, from, to) =>
    console.error({ message: "the breaker of the object store moved", alert: "breaker", guarded, from, to }),
  failed: (guarded, error) =>
    console.warn({ message: "the object store failed", guarded, error: String(error).slice(0, 200) }),
  fellBack: () => undefined,
};

export function createObjects({ BLOBS, BLOBS_REPLICA }: Buckets): ObjectStore {
  const primary = new R2ObjectStore(BLOBS);
  if (BLOBS_REPLICA === undefined) return boundedObjects(primary);
  return new ReplicatedStore({ primary, replica: new R2ObjectStore(BLOBS_REPLICA), clock, watch });
}
