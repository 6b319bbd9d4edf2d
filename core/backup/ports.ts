import type { Row, Segment } from "./model.ts";

/** The last row's key behind the first column, as the table is ordered by it. */
export type Key = (string | number)[];

/** Tables that are read page by page. */
export interface PagedSource {
  readonly tables: readonly string[];
  /** A page behind `after`, in the order of the table's key; empty at the end. */
  page(table: string, after: Key | null): Promise<{ rows: Row[]; last: Key | null }>;
  /** Milliseconds since the epoch, by the database. */
  now(): Promise<number>;
}

/** A tenant in its shard. */
export interface TenantSource extends PagedSource {
  /** Sequence numbers of its drives; null when the tenant is deleted or not here. */
  seqs(): Promise<Record<string, number> | null>;
  /** One snapshot; null when there is no such drive. */
  segment(drive_id: string, from: number): Promise<Segment | null>;
  /** Up to where the drive's journal is in segments; null before the first full backup began. */
  mark(drive_id: string): Promise<number | null>;
  /** It never goes back. */
  moveMark(drive_id: string, seq: number): Promise<void>;
}
