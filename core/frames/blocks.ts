/** From frames to blocks, in order: docs/spec/uploads.md, U17. */
import { type BlockBits, maxBlock, minBlock } from "../blocks/classes.ts";
import { cutBlocks } from "../blocks/stream.ts";
import type { ByteSource, Unpack } from "../delta/ports.ts";
import { refusal } from "../delta/refusal.ts";
import { FRAME_KIND, type Frame } from "./format.ts";
import { openFrame } from "./open.ts";

/** What a frame is read under. */
export interface FrameContext {
  /** The class of its blocks. */
  bits: BlockBits;
  /** What its deltas refer to; asked for only when one comes. Undefined when there is none. */
  base(): Promise<ByteSource | undefined>;
}

export interface FrameBlock {
  /** The frame's index in the stream. */
  frame: number;
  /** Valid until the next block is asked for. */
  raw: Uint8Array;
}

const isDelta = ({ kind }: Frame): boolean => kind === FRAME_KIND.delta || kind === FRAME_KIND.zip_delta;

/**
 * The blocks that frames stand for. Runs of zip-aware frames are cut here, and verified only with their last byte: nothing
 * counts before the generator ended without an error. Memory is a frame, what it stands for and what its delta reads.
 * @param contextOf of the frame with an index
 * @param spare blocks that may be shorter than their class says: the last ones of contents
 */
export async function* frameBlocks(
  frames: AsyncIterable<Frame>,
  unpack: Unpack,
  contextOf: (frame: number) => FrameContext,
  spare: number,
): AsyncGenerator<FrameBlock> {
  let index = 0;
  let room = spare;
  for await (const frame of frames) {
    const { bits, base } = contextOf(index);
    const opened = await openFrame(frame, { unpack, base: isDelta(frame) ? await base() : undefined });
    if (opened.form === "run") {
      for await (const raw of cutBlocks(opened.pieces, bits)) yield { frame: index, raw };
    } else {
      room += frame.raw_length / minBlock(bits) - opened.blocks.length;
      if (room < 0) throw refusal("frame_blocks", "The frames hold more blocks than their bytes can be cut into.");
      for (const raw of opened.blocks) {
        if (raw.length > maxBlock(bits))
          throw refusal("frame_blocks", `A block of this upload has ${maxBlock(bits)} bytes at most.`);
        yield { frame: index, raw };
      }
    }
    index++;
  }
}
