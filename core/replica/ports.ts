import type { Allowance } from "../storage/allowance.ts";
import type { ObjectCatalog, ObjectStore } from "../storage/ports.ts";
import type { BreakerState } from "./breaker.ts";

/** Reads and writes fail apart: a store that refuses writes may read well. */
export type Guarded = "reads" | "writes";

export interface Clock {
  /** Milliseconds. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

/** Told what happens, so that it is counted and somebody hears of it. None of it may throw or wait. */
export interface ReplicaWatch {
  moved(guarded: Guarded, from: BreakerState, to: BreakerState): void;
  /** A call of the primary failed. */
  failed(guarded: Guarded, error: unknown): void;
  /** A call was answered by the replica. */
  fellBack(guarded: Guarded): void;
}

/** One of the two stores, as copies and healing see it: each call is bounded in time and made once. */
export type Side = ObjectStore & ObjectCatalog;

export interface Sides {
  primary: Side;
  replica: Side;
  /** What a copy may hold beyond one part. */
  spare: Allowance;
}
