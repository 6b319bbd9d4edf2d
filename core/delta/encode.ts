/** Deltas from old bytes: docs/spec/delta.md, D8 and D9. */
import { planDelta } from "./apply.ts";
import { findMatches } from "./match.ts";
import { packDelta, type Delta } from "./payload.ts";
import type { ByteSource, Packer } from "./ports.ts";
import { MAX_STEPS, ProgramWriter } from "./program.ts";
import type { Matches } from "./runs.ts";
import { sha256 } from "./sha256.ts";
import { BaseWindows } from "./windows.ts";

/** A block of the new version that the base does not have. */
export interface ChangedBlock {
  bytes: Uint8Array;
  /** Where its surroundings lie in the base: the end of the last block before it that did not change. */
  hint: number;
}

export interface EncodedDelta {
  payload: Uint8Array;
  raw_length: number;
  hash: Uint8Array;
}

/** Finds copies for one block; positions in the base are absolute. */
export type Matcher = (block: ChangedBlock) => Promise<Matches> | Matches;

/**
 * One delta for `blocks` (within the bounds of D4). Undefined when the blocks are better sent whole: the delta is no shorter
 * than `raw_length`, or would read too much of its base.
 */
export async function encodeDelta(
  blocks: ChangedBlock[],
  matcher: Matcher,
  packer: Packer,
): Promise<EncodedDelta | undefined> {
  const matches: Matches[] = [];
  for (const block of blocks) matches.push(await matcher(block));
  const delta = program(blocks, matches);
  const raw = concat(blocks.map((block) => block.bytes));
  if (delta.program.step_count > MAX_STEPS || !readable(delta, raw.length)) return undefined;
  const payload = await packDelta(delta, packer);
  return payload.length < raw.length ? { payload, raw_length: raw.length, hash: await sha256(raw) } : undefined;
}

/** Whether a server would read as much of the base as this delta needs. */
function readable(delta: Delta, raw_length: number): boolean {
  try {
    planDelta(delta, raw_length);
    return true;
  } catch {
    return false;
  }
}

function program(blocks: ChangedBlock[], matches: Matches[]): Delta {
  let low = Infinity;
  let high = 0;
  for (const list of matches)
    for (let i = 0; i < list.length; i += 3) {
      low = Math.min(low, list[i + 1]!);
      high = Math.max(high, list[i + 1]! + list[i + 2]!);
    }
  const base_offset = high === 0 ? 0 : low;
  const writer = new ProgramWriter();
  for (const [n, block] of blocks.entries()) writeSteps(writer, block.bytes, matches[n]!, base_offset);
  return {
    base_offset,
    base_length: high - base_offset,
    block_lengths: blocks.map((block) => block.bytes.length),
    program: writer.finish(),
  };
}

/** What makes `target`: its copies, and the bytes between them; base positions become relative to `base_offset`. */
export function writeSteps(writer: ProgramWriter, target: Uint8Array, matches: Matches, base_offset: number): void {
  let at = 0;
  for (let i = 0; i < matches.length; i += 3) {
    writer.insert(target.subarray(at, matches[i]));
    writer.copy(matches[i + 1]! - base_offset, matches[i + 2]!);
    at = matches[i]! + matches[i + 2]!;
  }
  writer.insert(target.subarray(at));
}

/** Matches against old bytes. Keep one for a whole file: it holds at most one window of the base and its index. */
export function oldBytesMatcher(base: ByteSource): Matcher {
  const windows = new BaseWindows(base);
  return async ({ bytes, hint }) => {
    const near = await windows.near(hint, bytes.length);
    const matches = shifted(findMatches(bytes, near.index, hint - near.offset), near.offset);
    if (near.wide || covered(matches) >= bytes.length * ENOUGH) return matches;
    const wide = await windows.wide(hint);
    const more = shifted(findMatches(bytes, wide.index, hint - wide.offset), wide.offset);
    return covered(more) > covered(matches) ? more : matches;
  };
}

/** A block of which less is found nearby is looked up in a wide window: bytes may have moved far. */
const ENOUGH = 0.9;

const covered = (matches: Matches): number => matches.reduce((sum, n, i) => (i % 3 === 2 ? sum + n : sum), 0);

function shifted(matches: Matches, by: number): Matches {
  for (let i = 1; i < matches.length; i += 3) matches[i]! += by;
  return matches;
}

function concat(parts: Uint8Array[]): Uint8Array {
  const only = parts[0];
  if (parts.length === 1 && only !== undefined) return only;
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
