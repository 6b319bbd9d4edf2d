/** Sessions of chunks as a client of ours has them: chunks of bytes or of frames, and runs of blocks of other versions. */
import { constants, zstdCompressSync } from "node:zlib";
import { cutBlocks } from "../../core/blocks/stream.ts";
import type { BlockBits } from "../../core/blocks/classes.ts";
import { CODEC, encodeDelta, memorySource, oldBytesMatcher, type Packer } from "../../core/delta/index.ts";
import { encodeFrames, FRAME_KIND, type Frame, wholeBlock } from "../../core/frames/index.ts";
import { decodeNode } from "../../core/manifests/node.ts";
import type { Segment } from "../../core/protocol/uploads.ts";
import type { UploadRow, VersionRef } from "../../core/uploads/model.ts";
import type { Place } from "../support/memory/drive-model.ts";
import { piecesOf } from "../support/memory/engine.ts";
import { sha256 } from "./bodies.ts";
import type { World } from "./world.ts";

/** Bytes that are sent. */
export interface Chunk {
  bytes: Uint8Array<ArrayBuffer>;
  /** What is sent for them: of frames, it is made once the session's class is known. */
  body: Uint8Array<ArrayBuffer>;
  is_frames: boolean;
}

/** Bytes that a version has. */
export interface Borrowed {
  bytes: Uint8Array;
  of: VersionRef;
  offset: number;
}

export interface Base extends VersionRef {
  bytes: Uint8Array;
}

export interface Session {
  upload_id: string;
  place: Place;
  base: Base | null;
  borrowed: Borrowed | null;
  chunks: Chunk[];
  /** Chunks that were said to have arrived. */
  arrived: Set<number>;
}

const packer: Packer = {
  codec: CODEC.zstd,
  pack: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
};

/** Blocks of one delta. */
const DELTA_BLOCKS = 8;

/** Frames of some bytes: deltas where there is a base that helps, else blocks. */
export async function framesOf(bytes: Uint8Array, bits: BlockBits, base: Uint8Array | null): Promise<Frame[]> {
  const blocks: Uint8Array[] = [];
  for await (const block of cutBlocks(piecesOf(bytes), bits)) blocks.push(block.slice());
  const frames: Frame[] = [];
  for (let at = 0; at < blocks.length; at += DELTA_BLOCKS) {
    const some = blocks.slice(at, at + DELTA_BLOCKS);
    const changed = some.map((block) => ({ bytes: block, hint: 0 }));
    const delta = base === null ? undefined : await encodeDelta(changed, oldBytesMatcher(memorySource(base)), packer);
    if (delta === undefined) for (const block of some) frames.push(await wholeBlock(block, packer));
    else frames.push({ kind: FRAME_KIND.delta, ...delta });
  }
  return frames;
}

/** Makes the bodies of chunks that are frames. */
export async function encodeChunks(
  { chunks, base }: Pick<Session, "chunks" | "base">,
  upload: UploadRow,
): Promise<void> {
  for (const chunk of chunks)
    if (chunk.is_frames && chunk.body.length === 0)
      chunk.body = Uint8Array.from(encodeFrames(await framesOf(chunk.bytes, upload.block_bits, base?.bytes ?? null)));
}

/** Whether a base that is referred to is there for who refers to it. */
export function isReadable({ drive }: World, base: Base | null): boolean {
  if (base === null) return true;
  const { files, versions } = drive.state;
  for (let at = files.get(base.file_id); at !== undefined; at = files.get(at.parent_id ?? ""))
    if (at.trashed_at !== null) return false;
  return [...versions.values()].some((v) => v.version_id === base.version_id);
}

/** Some of a version, from where a block begins to where one ends; null where there is nothing to borrow. */
export function borrow({ drive }: World, of: Base, from: number, to: number): Borrowed | null {
  const { versions, contents } = drive.state;
  const row = [...versions.values()].find((v) => v.version_id === of.version_id);
  const manifest = contents.get(row?.content_id ?? "")?.manifest;
  if (manifest === undefined) return null;
  const root = decodeNode(Buffer.from(manifest, "base64").subarray(0, -16));
  const ends = [0];
  // Where the row has a pointer, its one entry stands for all.
  for (const { span } of root.entries) ends.push((ends.at(-1) as number) + span);
  const [a, b] = [ends[from % ends.length] as number, ends[to % ends.length] as number].toSorted((x, y) => x - y) as [
    number,
    number,
  ];
  if (a === b) return null;
  return { bytes: of.bytes.subarray(a, b), of: { file_id: of.file_id, version_id: of.version_id }, offset: a };
}

export interface Piece {
  bytes: Uint8Array;
  segment: Segment;
}

/** The session's file, piece by piece. */
export function piecesOfSession({ borrowed, chunks }: Session): Piece[] {
  const sent = chunks.map(({ bytes, body }): Piece => ({ bytes, segment: { chunk_id: sha256(body) } }));
  if (borrowed === null) return sent;
  const { bytes, of, offset } = borrowed;
  return [{ bytes, segment: { ...of, offset, length: bytes.length } }, ...sent];
}
