/** Bodies of our own clients: docs/spec/uploads.md, U16 to U20. */
import type { BlockBits } from "../../../core/blocks/classes.ts";
import { cutBlocks } from "../../../core/blocks/stream.ts";
import { CODEC, encodeDelta, memorySource, oldBytesMatcher } from "../../../core/delta/index.ts";
import { encodeFrames, FRAME_KIND, FRAMES_MEDIA_TYPE, type Frame, wholeBlock } from "../../../core/frames/index.ts";
import { packerOf } from "../delta-codecs.ts";
import { type Answer, sha256, type User } from "./api.ts";

export interface Block {
  bytes: Uint8Array<ArrayBuffer>;
  hash: string;
  length: number;
  /** In the file. */
  offset: number;
}

export async function blocksOf(bytes: Uint8Array, bits: number): Promise<Block[]> {
  const blocks: Block[] = [];
  const pieces = async function* () {
    yield bytes;
  };
  let offset = 0;
  for await (const view of cutBlocks(pieces(), bits as BlockBits)) {
    const block = view.slice();
    blocks.push({ bytes: block, hash: await sha256(block), length: block.length, offset });
    offset += block.length;
  }
  return blocks;
}

export const rawFrame = (bytes: Uint8Array): Promise<Frame> => wholeBlock(bytes, packerOf(CODEC.none));

export async function deltaFrame(blocks: Uint8Array[], base: Uint8Array): Promise<Frame> {
  const changed = blocks.map((bytes) => ({ bytes, hint: 0 }));
  const delta = await encodeDelta(changed, oldBytesMatcher(memorySource(base)), packerOf(CODEC.zstd));
  return { kind: FRAME_KIND.delta, ...delta! };
}

export interface Sent extends Answer {
  chunk_id: string;
}

/** @param body frames, or a body that need not be one */
export async function putFrames(
  user: User,
  upload_id: string,
  index: number,
  body: Frame[] | Uint8Array,
  type = FRAMES_MEDIA_TYPE,
): Promise<Sent> {
  const bytes = Uint8Array.from(Array.isArray(body) ? encodeFrames(body) : body);
  const chunk_id = await sha256(bytes);
  const path = `chunks/${chunk_id}?upload_id=${upload_id}&index=${index}`;
  return { ...(await user.ask("PUT", path, { body: bytes, headers: { "content-type": type } })), chunk_id };
}

/** Bytes that are the same with the same seed, and do not compress. */
export function noise(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let x = seed;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}
