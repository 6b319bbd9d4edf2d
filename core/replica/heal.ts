/** What landed in the replica alone goes to the primary. docs/spec/replica.md, RP11. */
import { copyObject, isCopyOf } from "./copy.ts";
import { isWrittenOnce, UNHEALED, unhealedKey } from "./keys.ts";
import type { Sides } from "./ports.ts";

/** Milliseconds after which a mark without an object is what a crash left: no request lasts so long. */
const MARK_MAX = 60 * 60 * 1000;

/** Objects of one run: each takes some calls, of the 10,000 that an invocation has. */
const HEALED_MAX = 200;

export interface Healed {
  healed: number;
  bytes: number;
  /** Objects that waited, and those that wait still. */
  found: number;
  unhealed: number;
  /** What ended the run early: the next one goes on. */
  error: unknown;
}

/**
 * @param most bytes, and one object beyond it
 */
export async function heal(sides: Sides, now: number, most: number): Promise<Healed> {
  const marks = await sides.replica.page(UNHEALED, UNHEALED);
  const result: Healed = { healed: 0, bytes: 0, found: marks.length, unhealed: marks.length, error: null };
  for (const { key: mark, uploaded_at } of marks) {
    if (result.bytes > most || result.healed >= HEALED_MAX) break;
    try {
      const bytes = await healOne(sides, mark.slice(UNHEALED.length), uploaded_at, now);
      if (bytes === null) continue;
      result.healed += bytes > 0 ? 1 : 0;
      result.bytes += bytes;
      result.unhealed -= 1;
    } catch (error) {
      // The others would fail like it; the store is not asked for each.
      return { ...result, error };
    }
  }
  return result;
}

/** @returns bytes that were copied; null while the object may still be on its way */
async function healOne(sides: Sides, key: string, marked_at: number, now: number): Promise<number | null> {
  const { primary, replica, spare } = sides;
  const waiting = await replica.stat(key);
  if (waiting === null && now - marked_at < MARK_MAX) return null;
  let bytes = 0;
  if (waiting !== null) {
    const there = await primary.stat(key);
    // Of what is written again the later one counts: it may have been written in the primary since.
    const isThere = isWrittenOnce(key) ? isCopyOf(there, waiting) : (there?.uploaded_at ?? 0) > marked_at;
    if (!isThere) bytes = (await copyObject(replica, primary, key, spare)).bytes;
  }
  await replica.delete([unhealedKey(key)]);
  return bytes;
}
