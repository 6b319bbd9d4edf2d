/** Reads a stream of frames piece by piece: docs/spec/frames.md, FR1 to FR4. */
import { refusal } from "../delta/refusal.ts";
import { DriveError } from "../protocol/errors.ts";
import {
  DEFAULT_LIMITS,
  FRAME_KIND,
  HASH_BYTES,
  isFrameKind,
  MAGIC,
  maxRawLength,
  payloadBounds,
  type Frame,
  type FrameLimits,
} from "./format.ts";
import { StreamReader } from "./stream-reader.ts";

/** Frames of `stream`, each as soon as it is whole; its payload is the consumer's to keep. Throws as FR6 says. */
export async function* decodeFrames(
  stream: AsyncIterable<Uint8Array>,
  limits: FrameLimits = DEFAULT_LIMITS,
): AsyncGenerator<Frame> {
  const reader = new StreamReader(stream);
  try {
    yield* framesOf(reader, limits);
  } finally {
    await reader.close();
  }
}

async function* framesOf(reader: StreamReader, limits: FrameLimits): AsyncGenerator<Frame> {
  const magic = await reader.bytes(MAGIC.length);
  if (magic.some((byte, i) => byte !== MAGIC[i])) throw refusal("frame_magic", "The body is no stream of frames.");
  const seen = new Set<string>();
  let raw_bytes = 0;
  for (let index = 0; ; index++) {
    if ((await reader.varint()) !== index)
      throw refusal("frame_order", `Frame ${index} is missing, repeated or out of order.`);
    const kind = await reader.byte();
    if (kind === FRAME_KIND.end) break;
    if (!isFrameKind(kind)) throw refusal("frame_kind", `Frame ${index} has a kind that is not known here.`);
    if (index >= limits.max_frames) throw new DriveError("payload_too_large", "The body has too many frames.");
    const hash = await reader.bytes(HASH_BYTES);
    const name = hash.join();
    if (seen.has(name))
      throw refusal("frame_repeated", `Frame ${index} stands for bytes that were in the body before.`);
    seen.add(name);
    const raw_length = await reader.varint();
    raw_bytes += raw_length;
    if (raw_length === 0) throw refusal("frame_length", `Frame ${index} stands for nothing.`);
    if (raw_length > maxRawLength[kind] || raw_bytes > limits.max_raw_bytes)
      throw new DriveError("payload_too_large", `Frame ${index} stands for more bytes than may be.`);
    const payload_length = await reader.varint();
    const [least, most] = payloadBounds(kind, raw_length);
    if (payload_length < least || payload_length > most)
      throw refusal(
        "frame_length",
        `Frame ${index} has a payload of ${payload_length} bytes where ${least} to ${most} may be.`,
      );
    yield { kind, hash, raw_length, payload: await reader.bytes(payload_length) };
  }
  if (!(await reader.ended())) throw refusal("frame_trailing", "Bytes follow the end of the frames.");
}
