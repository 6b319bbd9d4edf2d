/**
 * A second look at what the 32-byte pieces left over: gaps between copies are compared with the base around the ends
 * of their neighbours, by 8-byte pieces at every position. Cheap, since gaps and neighbourhoods are small.
 */
import { commonRun, type Matches } from "./runs.ts";
import { slotOf } from "./rolling.ts";

const PIECE = 8;
/** Shorter copies cost more than literals that pack well: measured on sources and binaries. */
const SHORTEST = 20;
/** How far around a neighbour's end to look: this much, and four times the gap, up to the limit. */
const NEAR = 256;
const FAR = 32 * 1024;
const BITS = 16;

const hashAt = (bytes: Uint8Array, at: number): number =>
  Math.imul(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24), 0x85ebca6b) ^
  (bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24));

class Neighbourhood {
  readonly #base: Uint8Array;
  /** Stale entries are harmless: every candidate is compared. */
  readonly #table = new Int32Array(2 ** (BITS + 2));
  #from = 0;
  #to = 0;

  constructor(base: Uint8Array) {
    this.#base = base;
  }

  cover(from: number, to: number): void {
    const low = Math.max(0, from);
    const high = Math.min(this.#base.length - PIECE + 1, to);
    if (low >= this.#from && high <= this.#to) return;
    for (let at = high - 1; at >= low; at--) this.#table[slotOf(hashAt(this.#base, at), 30 - BITS)] = at + 1;
    this.#from = low;
    this.#to = high;
  }

  find(target: Uint8Array, at: number): number {
    return this.#table[slotOf(hashAt(target, at), 30 - BITS)]! - 1;
  }
}

export function fineMatches(target: Uint8Array, base: Uint8Array, coarse: Matches, look_back: number): Matches {
  const near = new Neighbourhood(base);
  const out: Matches = [];
  let gap_start = 0;
  let before = coarse.length > 0 ? coarse[1]! - coarse[0]! : 0;
  let furthest = 0;
  for (let i = 0; i <= coarse.length; i += 3) {
    const gap_end = i < coarse.length ? coarse[i]! : target.length;
    if (gap_end - gap_start >= SHORTEST) {
      const reach = Math.min(FAR, NEAR + 4 * (gap_end - gap_start));
      const after = i < coarse.length ? coarse[i + 1]! : before;
      near.cover(before - reach, before + reach);
      if (Math.abs(after - before) > reach) near.cover(after - reach, after + reach);
      // Within what coarse copies have passed, so that those after the gap stay within reach.
      const within = look_back === Infinity ? base.length : furthest;
      fillGap(target, base, gap_start, gap_end, near, Math.max(0, furthest - look_back), within, out);
    }
    if (i === coarse.length) break;
    out.push(coarse[i]!, coarse[i + 1]!, coarse[i + 2]!);
    gap_start = gap_end + coarse[i + 2]!;
    before = coarse[i + 1]! + coarse[i + 2]!;
    furthest = Math.max(furthest, before);
  }
  return out;
}

/** Copies for `target[gap_start..gap_end)` out of `base[lowest..within)`. */
function fillGap(
  target: Uint8Array,
  base: Uint8Array,
  gap_start: number,
  gap_end: number,
  near: Neighbourhood,
  lowest: number,
  within: number,
  out: Matches,
): void {
  let taken = gap_start;
  let at = gap_start;
  while (at + PIECE <= gap_end) {
    let offset = near.find(target, at);
    const usable = offset >= lowest && offset < within;
    const run = usable ? Math.min(commonRun(target, at, base, offset), gap_end - at, within - offset) : 0;
    let start = at;
    if (run >= PIECE)
      while (start > taken && offset > lowest && target[start - 1] === base[offset - 1]) {
        start--;
        offset--;
      }
    if (at - start + run < SHORTEST) {
      at++;
      continue;
    }
    out.push(start, offset, at - start + run);
    at += run;
    taken = at;
  }
}
