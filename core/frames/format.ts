/** Bodies of our own clients, to the byte: docs/spec/frames.md. */
import { MAX_BLOCK_BYTES, MAX_DELTA_RAW_BYTES } from "../delta/payload.ts";
import { MAX_ARCHIVE_BYTES, MAX_PAYLOAD_BYTES } from "../delta/zip/format.ts";

export const FRAMES_MEDIA_TYPE = "application/vnd.edgedrive.frames";
/** "EDT1" */
export const MAGIC = Uint8Array.of(0x45, 0x44, 0x54, 0x31);
export const HASH_BYTES = 32;

/** The kind byte. */
export const FRAME_KIND = { end: 0, raw: 1, delta: 2, zip_delta: 3, zstd: 4 } as const;
export type FrameKind = Exclude<(typeof FRAME_KIND)[keyof typeof FRAME_KIND], 0>;

export interface Frame {
  kind: FrameKind;
  /** SHA-256 of the bytes that the frame stands for. */
  hash: Uint8Array;
  /** How many bytes the frame stands for. */
  raw_length: number;
  payload: Uint8Array;
}

export interface FrameLimits {
  /** Sum of raw lengths of a stream, in bytes. */
  max_raw_bytes: number;
  max_frames: number;
}

export const MAX_FRAMES = 16_384;
export const DEFAULT_LIMITS: FrameLimits = { max_raw_bytes: 64 * 1024 * 1024, max_frames: MAX_FRAMES };

/** A delta is no longer than what it stands for, but for its lists of blocks and members. */
const DELTA_SLACK = 64 * 1024;

export const maxRawLength: Record<FrameKind, number> = {
  [FRAME_KIND.raw]: MAX_BLOCK_BYTES,
  [FRAME_KIND.zstd]: MAX_BLOCK_BYTES,
  [FRAME_KIND.delta]: MAX_DELTA_RAW_BYTES,
  [FRAME_KIND.zip_delta]: MAX_ARCHIVE_BYTES,
};

/** The payload lengths that may stand for `raw_length` bytes: least and most (FR3). */
export function payloadBounds(kind: FrameKind, raw_length: number): [least: number, most: number] {
  if (kind === FRAME_KIND.raw) return [raw_length, raw_length];
  if (kind === FRAME_KIND.zstd) return [1, raw_length - 1];
  return [1, Math.min(raw_length + DELTA_SLACK, MAX_PAYLOAD_BYTES)];
}

export const isFrameKind = (byte: number): byte is FrameKind => byte >= FRAME_KIND.raw && byte <= FRAME_KIND.zstd;
