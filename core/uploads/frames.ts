/** A body of frames into packs: docs/spec/uploads.md, U17. */
import { unpackWith } from "../delta/unpack.ts";
import { decodeFrames } from "../frames/decode.ts";
import { frameBlocks, type FrameContext } from "../frames/blocks.ts";
import { MAX_FRAMES } from "../frames/format.ts";
import type { HookSampler } from "../manifests/hooks.ts";
import type { Node } from "../manifests/node.ts";
import type { Engine } from "../storage/engine.ts";
import type { Hasher } from "../storage/ports.ts";
import { packBlocks, type PackSeries } from "../storage/write.ts";

/** Of a header: index, kind, hash and two lengths. */
const HEADER_MAX = 64;

/** What a body of frames that stand for `raw_bytes` can have: a frame is no longer than what it stands for, but for its header. */
export const framesBodyMax = (raw_bytes: number): number => raw_bytes + MAX_FRAMES * HEADER_MAX;

export interface FramesOptions {
  max_raw_bytes: number;
  /** Bytes of the body, when known: what the first buffer is made for. */
  expected: number | null;
  /** Told the bytes that the frames stand for. */
  hasher: Hasher;
  sampler: HookSampler;
}

/** Blocks that may be short: the last one of the file, and one to spare. */
const SPARE = 2;

/**
 * Streams frames into packs; what they stand for is at most `max_raw_bytes`. Nothing counts before it returns: who gives up
 * calls `series.remove`.
 * @returns a root over those bytes
 */
export function writeFrames(
  engine: Engine,
  series: PackSeries,
  body: AsyncIterable<Uint8Array>,
  context: FrameContext,
  { max_raw_bytes, expected, hasher, sampler }: FramesOptions,
): Promise<Node> {
  const frames = decodeFrames(body, { max_raw_bytes, max_frames: MAX_FRAMES });
  const blocks = async function* () {
    for await (const { raw } of frameBlocks(frames, unpackWith(engine.codec), () => context, SPARE)) {
      await hasher.update(raw);
      yield raw;
    }
  };
  return packBlocks(series, blocks(), { bits: context.bits, size: expected, whole: false, sampler });
}
