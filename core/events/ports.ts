import type { JournalRow } from "../files/model.ts";
import type { ConsumerName } from "./wake.ts";

/** An entry that could not be handled. `retry_at` is `NEVER` when it is dead. */
export interface EventFailure {
  seq: number;
  attempts: number;
  error: string;
  retry_at: number;
}

export interface Pending {
  /** How far the consumer has recorded the journal. */
  mark: number;
  /** Entries behind the mark, in order. */
  entries: JournalRow[];
  /** Failures whose time has come; `entry` is null when the journal no longer has it. */
  due: { failure: EventFailure; entry: JournalRow | null }[];
}

/** Marks and failures of one consumer in one drive. */
export interface EventStore {
  pending(limits: { entries: number; due: number }, now: number): Promise<Pending>;
  /**
   * One batch: the mark never goes back; `failed` are written, `settled` are deleted.
   * @returns whether the mark moved; false when another run was first
   */
  record(change: { mark: number; failed: EventFailure[]; settled: number[] }): Promise<boolean>;
}

export interface Handled {
  /** How many of the entries, from the front, are done with; fewer than all when the work of one run is spent. */
  count: number;
  /** Of those, the ones that failed, by sequence number. */
  failures: Map<number, unknown>;
}

/**
 * Does the work of entries of one drive. It must be idempotent, and must read the state as it is now: entries come
 * again, late, and twice at once. A throw means that nothing can be said of any entry.
 */
export interface EventHandler {
  name: ConsumerName;
  handle(entries: JournalRow[]): Promise<Handled>;
  /** What is left to do for an entry that never will be handled, such as to say that there is no preview. */
  bury?(entry: JournalRow): Promise<void>;
}
