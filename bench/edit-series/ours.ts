/** What our client sends for a pair of versions: bytes of the body with all its frames, each opened again and compared. */
import { createHash } from "node:crypto";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { BLOCK_MAX, chooseBits } from "../../core/blocks/classes.ts";
import { Cutter } from "../../core/blocks/cutter.ts";
import {
  CODEC,
  encodeZipDelta,
  memorySource,
  oldBytesMatcher,
  signatureMatcher,
  signatureOf,
  type Matcher,
  type Packer,
  type Unpack,
} from "../../core/delta/index.ts";
import {
  changedBlocks,
  editFrames,
  encodeFrames,
  FRAME_KIND,
  openFrame,
  type BlockRef,
  type Frame,
} from "../../core/frames/index.ts";

export interface Sent {
  bytes: number;
  /** Of the client, matching and packing; without cutting the old version, whose blocks it knows. */
  cpu_seconds: number;
}

/** Above this length the highest level costs seconds and saves a few percent. */
const SHORT_BYTES = 1024 * 1024;

const packer: Packer = {
  codec: CODEC.zstd,
  pack: (bytes) =>
    zstdCompressSync(bytes, {
      params: { [constants.ZSTD_c_compressionLevel]: bytes.length <= SHORT_BYTES ? 19 : 12 },
    }),
};

const unpack: Unpack = (_, bytes, max_length) =>
  zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, max_length) });

export const withOldBytes = (before: Uint8Array, after: Uint8Array): Promise<Sent> =>
  send(before, after, oldBytesMatcher(memorySource(before)));

export const withSignatures = async (before: Uint8Array, after: Uint8Array): Promise<Sent> =>
  send(before, after, signatureMatcher(await signatureOf(memorySource(before))));

/** Undefined when the files are no archives, or are not helped. */
export async function zipAware(before: Uint8Array, after: Uint8Array): Promise<Sent | undefined> {
  const begun = process.cpuUsage();
  const delta = await encodeZipDelta(before, after, packer, unpack);
  return delta && sent([{ kind: FRAME_KIND.zip_delta, ...delta }], begun);
}

function sent(frames: Frame[], begun: NodeJS.CpuUsage): Sent {
  return { bytes: encodeFrames(frames).length, cpu_seconds: process.cpuUsage(begun).user / 1e6 };
}

async function send(before: Uint8Array, after: Uint8Array, matcher: Matcher): Promise<Sent> {
  const bits = chooseBits(before.length, null);
  const base = cut(before, bits);
  const begun = process.cpuUsage();
  const frames: Frame[] = [];
  const blocks: BlockRef[][] = [];
  const changed = changedBlocks(base, cut(after, chooseBits(after.length, bits)));
  for await (const made of editFrames(changed, (at, length) => after.subarray(at, at + length), matcher, packer)) {
    frames.push(made.frame);
    blocks.push(made.blocks);
  }
  const result = sent(frames, begun);
  for (const [i, frame] of frames.entries()) await compare(frame, blocks[i]!, before, after);
  return result;
}

async function compare(frame: Frame, refs: BlockRef[], before: Uint8Array, after: Uint8Array): Promise<void> {
  const opened = await openFrame(frame, { unpack, base: memorySource(before) });
  if (opened.form !== "blocks" || opened.blocks.length !== refs.length)
    throw new Error("not the blocks that were sent");
  for (const [i, ref] of refs.entries())
    if (Buffer.compare(opened.blocks[i]!, after.subarray(ref.offset, ref.offset + ref.length)) !== 0)
      throw new Error(`block at ${ref.offset} came out wrong`);
}

function cut(bytes: Uint8Array, bits: ReturnType<typeof chooseBits>): BlockRef[] {
  const cutter = new Cutter(bits);
  const refs: BlockRef[] = [];
  let start = 0;
  while (start < bytes.length) {
    const found = cutter.next(bytes.subarray(0, start + BLOCK_MAX), start);
    const end = found < 0 ? bytes.length : found;
    refs.push({
      offset: start,
      length: end - start,
      hash: createHash("sha256").update(bytes.subarray(start, end)).digest("hex"),
    });
    start = end;
  }
  return refs;
}
