import type { BlockBits } from "../../core/blocks/classes.ts";
import { cutBlocks } from "../../core/blocks/stream.ts";
import { READ_MAX } from "../../core/storage/block-reader.ts";

const TAG_BYTES = 16;

/** One ranged read of the floor. */
export interface Run {
  key: string;
  offset: number;
  /** Stored bytes of its blocks, tags in them, and the index of the first. */
  blocks: number[];
  first: number;
}

/** The stored lengths of the blocks that the product cuts a chunk into, when nothing of it can be compressed. */
export async function storedBlocks(chunk: Uint8Array, bits: BlockBits): Promise<number[]> {
  const pieces = async function* () {
    yield chunk;
  };
  const blocks: number[] = [];
  for await (const block of cutBlocks(pieces(), bits)) blocks.push(block.length + TAG_BYTES);
  return blocks;
}

/** The product's ranged reads (docs/spec/storage.md, S1) of what `length` raw bytes of a chunk from `from` need. */
export function runsOf(key: string, blocks: readonly number[], from = 0, length = Infinity): Run[] {
  const runs: Run[] = [];
  let [offset, raw, size] = [0, 0, 0];
  for (const [index, stored] of blocks.entries()) {
    const end = raw + stored - TAG_BYTES;
    if (end > from && raw < from + length) {
      if (runs.length === 0 || size + stored > READ_MAX) {
        runs.push({ key, offset, blocks: [], first: index });
        size = 0;
      }
      runs.at(-1)!.blocks.push(stored);
      size += stored;
    }
    offset += stored;
    raw = end;
  }
  return runs;
}
