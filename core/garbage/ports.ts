import type { PackRow } from "../files/model.ts";

/** The tenant's row, as far as rounds need it. */
export interface GarbagePolicy {
  /** Id of the newest round; "" before the first. */
  garbage_round: string;
  grace_days: number;
  /** Of a deleted tenant no content is living. */
  is_deleted: boolean;
}

export interface MarkedContent {
  content_id: string;
  manifest: string;
  /** No version has it (G2). */
  is_garbage: boolean;
}

export type JudgedPack = Pick<PackRow, "pack_id" | "state" | "changed_at" | "round">;

/** What becomes of a page of packs, by id. Where a pack has another state by now, nothing. */
export interface Verdict {
  condemned: string[];
  revived: string[];
  /** Only those that another round condemned (G8). */
  deleted: string[];
  /** Tombstones. */
  forgotten: string[];
}

/** Another round has begun: this one may not change anything any more (G8). */
export class RoundOver extends Error {}

/** Contents and packs of one tenant. */
export interface GarbageStore {
  /** Null when the tenant is not served here. */
  policy(): Promise<GarbagePolicy | null>;
  /** Makes this the tenant's newest round. */
  begin(round: string): Promise<void>;
  /** A page behind `after`, by id; empty at the end. */
  contents(after: string): Promise<MarkedContent[]>;
  /**
   * These packs lose a content: what is left of them is looked at (docs/spec/durability.md, C1). Of those that are
   * condemned the grace begins anew, at `now` (G14). @throws RoundOver
   */
  note(round: string, pack_ids: readonly string[], now: number): Promise<void>;
  /** Drops those that are garbage still. @throws RoundOver */
  drop(round: string, content_ids: readonly string[]): Promise<void>;
  /**
   * Drops those hooks of a page behind `after` whose contents are gone.
   * @returns the page's last key, null when there was none. @throws RoundOver
   */
  dropHooks(round: string, after: string): Promise<string | null>;
  /** A page behind `after`, by id; empty at the end. */
  packs(after: string): Promise<JudgedPack[]>;
  /** @returns the packs whose rows were deleted by this call. @throws RoundOver */
  judge(round: string, verdict: Verdict, now: number): Promise<string[]>;
}
