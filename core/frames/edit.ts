/** From two lists of blocks to the frames that make the new version out of the old one: what a client sends. */
import { encodeDelta, type ChangedBlock, type Matcher } from "../delta/encode.ts";
import { CODEC, type Packer } from "../delta/ports.ts";
import { MAX_DELTA_RAW_BYTES } from "../delta/payload.ts";
import type { Matches } from "../delta/runs.ts";
import { sha256 } from "../delta/sha256.ts";
import { FRAME_KIND, type Frame } from "./format.ts";

/** A block of a version. */
export interface BlockRef {
  offset: number;
  length: number;
  /** SHA-256, hex. */
  hash: string;
}

/** A block that the base does not have, and where its surroundings lie in the base. */
export interface Changed {
  block: BlockRef;
  hint: number;
}

/** A frame, and the blocks of the new version that it stands for, in its order. */
export interface BlockFrame {
  frame: Frame;
  blocks: BlockRef[];
}

/** Each of these may lie somewhere else in the base: as many ranges as a server reads for one delta (D6). */
const MAX_BLOCKS_PER_DELTA = 64;

/** Blocks of `version` that are not in `base`, each once. */
export function changedBlocks(base: BlockRef[], version: BlockRef[]): Changed[] {
  const known = new Map<string, BlockRef>();
  for (const block of base) known.set(block.hash, block);
  const seen = new Set<string>();
  const changed: Changed[] = [];
  let hint = 0;
  for (const block of version) {
    const same = known.get(block.hash);
    if (same !== undefined) hint = same.offset + same.length;
    else {
      if (!seen.has(block.hash)) changed.push({ block, hint });
      // An edit mostly leaves lengths alike: what follows lies where this block would have ended.
      hint += block.length;
      seen.add(block.hash);
    }
  }
  return changed;
}

/** Frames for `changed`, in order; deltas where they pay, else whole blocks. `read` gives bytes of the new version. */
export async function* editFrames(
  changed: Changed[],
  read: (offset: number, length: number) => Promise<Uint8Array> | Uint8Array,
  matcher: Matcher,
  packer: Packer,
): AsyncGenerator<BlockFrame> {
  for (const group of groups(changed)) {
    const blocks: ChangedBlock[] = [];
    // A group that is halved is not looked up again.
    const found = new Map<ChangedBlock, Matches>();
    for (const { block, hint } of group) {
      const one = { bytes: await read(block.offset, block.length), hint };
      blocks.push(one);
      found.set(one, await matcher(one));
    }
    yield* framesOf(group, blocks, (block) => found.get(block)!, packer);
  }
}

async function* framesOf(
  group: Changed[],
  blocks: ChangedBlock[],
  matches: (block: ChangedBlock) => Matches,
  packer: Packer,
): AsyncGenerator<BlockFrame> {
  const delta = await encodeDelta(blocks, matches, packer);
  if (delta !== undefined) {
    yield { frame: { kind: FRAME_KIND.delta, ...delta }, blocks: group.map((changed) => changed.block) };
  } else if (group.length === 1 || blocks.every((block) => matches(block).length === 0)) {
    // All new, and nothing that packs.
    for (const [i, { bytes }] of blocks.entries())
      yield { frame: await wholeBlock(bytes, packer), blocks: [group[i]!.block] };
  } else {
    // One block that reads far of the base, or is all new, shall not keep its neighbours from being deltas.
    const half = group.length >> 1;
    yield* framesOf(group.slice(0, half), blocks.slice(0, half), matches, packer);
    yield* framesOf(group.slice(half), blocks.slice(half), matches, packer);
  }
}

/** A frame of one whole block, packed when the client can and it saves anything. */
export async function wholeBlock(bytes: Uint8Array, packer: Packer): Promise<Frame> {
  const packed = packer.codec === CODEC.zstd ? await packer.pack(bytes) : bytes;
  const shorter = packed.length < bytes.length;
  return {
    kind: shorter ? FRAME_KIND.zstd : FRAME_KIND.raw,
    hash: await sha256(bytes),
    raw_length: bytes.length,
    payload: shorter ? packed : bytes,
  };
}

function* groups(changed: Changed[]): Generator<Changed[]> {
  let group: Changed[] = [];
  let raw_length = 0;
  for (const entry of changed) {
    raw_length += entry.block.length;
    if (group.length === MAX_BLOCKS_PER_DELTA || (group.length > 0 && raw_length > MAX_DELTA_RAW_BYTES)) {
      yield group;
      group = [];
      raw_length = entry.block.length;
    }
    group.push(entry);
  }
  if (group.length > 0) yield group;
}
