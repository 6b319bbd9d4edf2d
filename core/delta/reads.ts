/** Which ranges of a base a program needs: few and joined, since each is a read of an object (D6). */
import type { Steps } from "./program.ts";
import { refusal } from "./refusal.ts";

export interface Range {
  offset: number;
  length: number;
}

/** Copies closer than this are read together. */
const JOIN = 64 * 1024;
export const MAX_RANGES = 64;
export const MAX_READ_BYTES = 64 * 1024 * 1024;

/** The ranges of the base that the copies of `steps` lie in: joined until at most MAX_RANGES are left, sorted. */
export function rangesOf(steps: Steps, base_offset: number): Range[] {
  const ranges: Range[] = [];
  for (let i = 0; i < steps.length; i += 3)
    if (steps[i + 1]! > 0) add(ranges, base_offset + steps[i + 2]!, steps[i + 1]!);
  const near = joinNear(ranges.toSorted((a, b) => a.offset - b.offset));
  const joined = near.length > MAX_RANGES ? joinSmallestGaps(near) : near;
  const total = joined.reduce((sum, range) => sum + range.length, 0);
  if (total > MAX_READ_BYTES) throw refusal("delta_scattered", "The delta needs too much of its base.");
  return joined;
}

/** Copies mostly follow one another: one that begins in or right after the last range lengthens it. */
function add(ranges: Range[], offset: number, length: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && offset >= last.offset && offset - last.offset - last.length < JOIN)
    last.length = Math.max(last.length, offset + length - last.offset);
  else ranges.push({ offset, length });
}

function joinNear(sorted: Range[]): Range[] {
  const out: Range[] = [];
  for (const range of sorted) {
    const last = out.at(-1);
    if (last !== undefined && range.offset - last.offset - last.length < JOIN)
      last.length = Math.max(last.length, range.offset + range.length - last.offset);
    else out.push({ ...range });
  }
  return out;
}

/** Leaves MAX_RANGES: parts `sorted` at its widest gaps only. */
function joinSmallestGaps(sorted: Range[]): Range[] {
  const gaps = sorted.slice(1).map((range, i) => ({
    before: i,
    width: range.offset - sorted[i]!.offset - sorted[i]!.length,
  }));
  const parted = gaps
    .toSorted((a, b) => b.width - a.width)
    .slice(0, MAX_RANGES - 1)
    .map((gap) => gap.before)
    .toSorted((a, b) => a - b);
  return [...parted, sorted.length - 1].map((last, i) => {
    const first = i === 0 ? 0 : parted[i - 1]! + 1;
    const { offset } = sorted[first]!;
    return { offset, length: sorted[last]!.offset + sorted[last]!.length - offset };
  });
}
