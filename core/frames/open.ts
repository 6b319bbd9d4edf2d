/** From a frame to the bytes it stands for: docs/spec/frames.md, FR5. */
import type { ByteSource, Unpack } from "../delta/ports.ts";
import { CODEC } from "../delta/ports.ts";
import { applyDelta } from "../delta/apply.ts";
import { refusal } from "../delta/refusal.ts";
import { sameBytes, sha256 } from "../delta/sha256.ts";
import { applyZipDelta } from "../delta/zip/apply.ts";
import { DriveError } from "../protocol/errors.ts";
import { FRAME_KIND, type Frame } from "./format.ts";

/** What a frame stands for: whole blocks, or a run of bytes that is still to be cut into blocks. */
export type Opened =
  | { form: "blocks"; blocks: Uint8Array[] }
  /** Nothing made of `pieces` counts before they ended without an error (D17). */
  | { form: "run"; pieces: AsyncGenerator<Uint8Array> };

export interface OpenPorts {
  unpack: Unpack;
  /** The base version of the upload; undefined when it named none that the caller can read. */
  base: ByteSource | undefined;
}

/** Verified bytes; see FR6 for what is thrown. */
export async function openFrame(frame: Frame, ports: OpenPorts): Promise<Opened> {
  switch (frame.kind) {
    case FRAME_KIND.raw:
      return { form: "blocks", blocks: [await verified(frame, frame.payload)] };
    case FRAME_KIND.zstd:
      return { form: "blocks", blocks: [await verified(frame, await unpackBlock(frame, ports.unpack))] };
    case FRAME_KIND.delta:
      return { form: "blocks", blocks: await applyDelta(frame, baseOf(ports), ports.unpack) };
    case FRAME_KIND.zip_delta:
      return { form: "run", pieces: applyZipDelta(frame, baseOf(ports), ports.unpack) };
  }
}

function baseOf(ports: OpenPorts): ByteSource {
  if (ports.base === undefined)
    throw new DriveError("base_mismatch", "The upload has no base that a delta could refer to.");
  return ports.base;
}

async function unpackBlock(frame: Frame, unpack: Unpack): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await unpack(CODEC.zstd, frame.payload, frame.raw_length);
  } catch {
    throw refusal("frame_body", "A frame's payload cannot be unpacked within its length.");
  }
  if (bytes.length !== frame.raw_length) throw refusal("frame_body", "A frame unpacks to another length than it says.");
  return bytes;
}

async function verified(frame: Frame, bytes: Uint8Array): Promise<Uint8Array> {
  if (!sameBytes(await sha256(bytes), frame.hash))
    throw new DriveError("hash_mismatch", "The bytes of a frame have not the hash it names.");
  return bytes;
}
