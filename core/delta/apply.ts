/** Rebuilds blocks from a delta and ranges of its base: docs/spec/delta.md, D3 to D7. */
import { unpackDelta, type Delta } from "./payload.ts";
import type { ByteSource, Unpack } from "./ports.ts";
import { decodeSteps, type Steps } from "./program.ts";
import { rangesOf, type Range } from "./reads.ts";
import { baseMismatch } from "./refusal.ts";
import { sameBytes, sha256 } from "./sha256.ts";

export interface DeltaFrame {
  payload: Uint8Array;
  raw_length: number;
  /** SHA-256 of what is to be rebuilt. */
  hash: Uint8Array;
}

/** The delta's steps, and what is read of the base, sorted. Throws when the delta is malformed or reads too much (D3, D6). */
export function planDelta(delta: Delta, raw_length: number): { steps: Steps; ranges: Range[] } {
  const steps = decodeSteps(delta.program, raw_length, delta.base_length);
  return { steps, ranges: rangesOf(steps, delta.base_offset) };
}

/**
 * The blocks of a delta frame, in order: views of one buffer of `raw_length` bytes. Nothing is read before the whole delta was
 * checked. Throws `base_mismatch` when the result has not the frame's hash, `invalid_request` for a malformed delta.
 */
export async function applyDelta(frame: DeltaFrame, base: ByteSource, unpack: Unpack): Promise<Uint8Array[]> {
  const delta = await unpackDelta(frame.payload, frame.raw_length, base.size, unpack);
  const { steps, ranges } = planDelta(delta, frame.raw_length);
  const pieces = await Promise.all(ranges.map((range) => readExactly(base, range)));
  const out = new Uint8Array(frame.raw_length);
  let at = 0;
  let literal = 0;
  for (let i = 0; i < steps.length; i += 3) {
    const insert = steps[i]!;
    const copy = steps[i + 1]!;
    out.set(delta.program.literals.subarray(literal, literal + insert), at);
    literal += insert;
    at += insert;
    if (copy === 0) continue;
    const offset = delta.base_offset + steps[i + 2]!;
    const piece = lastAtOrBefore(ranges, offset);
    const start = offset - ranges[piece]!.offset;
    out.set(pieces[piece]!.subarray(start, start + copy), at);
    at += copy;
  }
  if (!sameBytes(await sha256(out), frame.hash))
    throw baseMismatch("The delta does not rebuild the block: the base differs from the one it was made for.");
  return cut(out, delta.block_lengths);
}

async function readExactly(base: ByteSource, range: Range): Promise<Uint8Array> {
  const bytes = await base.read(range.offset, range.length);
  if (bytes.length !== range.length) throw baseMismatch("The base of the delta is shorter than it says.");
  return bytes;
}

/** Index of the range that holds `offset`: ranges are sorted and cover every copy. */
function lastAtOrBefore(ranges: Range[], offset: number): number {
  let low = 0;
  let high = ranges.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (ranges[middle]!.offset <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function cut(bytes: Uint8Array, lengths: number[]): Uint8Array[] {
  let at = 0;
  return lengths.map((length) => bytes.subarray(at, (at += length)));
}
