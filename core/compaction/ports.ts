import type { UploadRow } from "../uploads/model.ts";
import type { FinishedPack } from "../packs/writer.ts";

/** Bytes of a pack that is worth it: of a shorter one, calls and rows cost more than what it wastes in a year. */
export const COMPACTED_MIN = 64 * 1024;

/** A pack that may be less than half alive, or whose key is to be left. */
export interface Picked {
  pack_id: string;
  /** Bytes of the object. */
  size: number;
  /** It goes however much of it is alive: its key version is below what the operator ordered (C12). */
  is_old: boolean;
}

/** The tenant's row, as far as compaction needs it. */
export interface CompactionPolicy {
  /** The newest round of garbage collection. */
  round: string;
  /** Packs with a lower key version are written anew. */
  rewrite_below: number;
}

/** One content's manifest, by compare-and-swap. */
export interface Exchange {
  content_id: string;
  from: string;
  to: string;
  /** All that `to` needs. */
  packs: readonly string[];
}

/** The new packs of a run can get no rows any more: their time is over, or the tenant is not active here. */
export class StagingOver extends Error {}

/** Packs and contents of one tenant. */
export interface CompactionStore {
  /** Null when the tenant is not active here. */
  policy(): Promise<CompactionPolicy | null>;
  /**
   * Of a page of packs behind `after`: those that are live, in R2, were made at `before` or earlier, and lost a content or
   * have a lower key version than `rewrite_below`, by id. `last` is the page's last id, null at the end.
   */
  candidates(after: string, before: number, rewrite_below: number): Promise<{ packs: Picked[]; last: string | null }>;
  /** The row of an upload that was never open: packs of its name that have no row when it expires go with it. */
  stage(row: UploadRow): Promise<void>;
  /**
   * In one batch: the new packs become live where they have no row yet, and each content gets its new manifest where it
   * still has the old one and all packs of the new one are live.
   * @returns how many contents got it. @throws StagingOver
   */
  exchange(
    upload_id: string,
    fresh: readonly FinishedPack[],
    contents: readonly Exchange[],
    now: number,
  ): Promise<number>;
  /** These are more than half alive; nothing, when a round has begun since `round`: they may have lost more. */
  settle(round: string, pack_ids: readonly string[]): Promise<void>;
}
