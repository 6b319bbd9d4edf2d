/** What becomes of packs. docs/spec/durability.md, G6 to G8. */
import type { JudgedPack, Verdict } from "./ports.ts";
import type { PackFilter } from "./pack-filter.ts";
import type { Place } from "./round-state.ts";
import { DAY } from "../time.ts";

/** Younger than this at the start of the round, a pack may be needed by a content that the round did not see. */
const AGE = DAY;
const TOMBSTONE = 30 * DAY;

export interface Circumstances {
  place: Pick<Place, "round" | "started_at" | "is_blind">;
  now: number;
  /** Milliseconds; 0 is an erasure. */
  grace: number;
}

export function judge(page: readonly JudgedPack[], needed: PackFilter, { place, now, grace }: Circumstances): Verdict {
  const verdict: Verdict = { condemned: [], revived: [], deleted: [], forgotten: [] };
  const settled = place.started_at - (grace === 0 ? 0 : AGE);
  for (const { pack_id, state, changed_at, round } of page) {
    if (state === "deleted") {
      if (changed_at + TOMBSTONE <= now) verdict.forgotten.push(pack_id);
    } else if (needed.has(pack_id)) {
      if (state === "condemned") verdict.revived.push(pack_id);
    } else if (place.is_blind) {
      continue;
    } else if (state === "live") {
      if (changed_at <= settled) verdict.condemned.push(pack_id);
    } else if (round !== place.round && changed_at + grace <= now) verdict.deleted.push(pack_id);
  }
  return verdict;
}
