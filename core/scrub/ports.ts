import type { PackRow } from "../files/model.ts";

/** A pack as its row says. */
export type KnownPack = Pick<PackRow, "pack_id" | "size" | "key_version">;

/** What was found: by scrubbing, `damaged`; by reconciliation, the others. docs/spec/durability.md, SC4 and RC2. */
export type FindingKind = "damaged" | "no_row" | "no_object" | "size";

export interface Finding {
  kind: FindingKind;
  pack_id: string;
  /** For whoever mends it. */
  detail: string;
  found_at: number;
}

/** What an operator is told of one tenant. A finding that is made again keeps its files. */
export interface Findings {
  add(findings: readonly Finding[]): Promise<void>;
  /** It is whole again, or gone. */
  clear(kind: FindingKind, pack_id: string): Promise<void>;
  /** Packs that were found damaged, some hundreds at most, and whether their files are known. */
  damaged(): Promise<{ pack_id: string; is_traced: boolean }[]>;
  /** The files whose versions have these contents are added to those that the damage touches; the first hundred. */
  touch(pack_id: string, content_ids: readonly string[]): Promise<void>;
}

export interface ScrubStore {
  /** The last day, counted from the epoch, whose part of the packs was read; 0 for none. Null when the tenant is not active here. */
  scrubbed(): Promise<number | null>;
  finishDay(day: number): Promise<void>;
  /** Of a page of packs behind `after`: the living and condemned ones whose 17th and 18th byte lie in a range of hex. */
  packs(from: string, to: string, after: string): Promise<{ packs: KnownPack[]; last: string | null }>;
  /** Null when it has no row, or its row says that it is deleted. */
  pack(pack_id: string): Promise<KnownPack | null>;
}
