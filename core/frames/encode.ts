/** Writes a stream of frames. */
import { ByteWriter } from "../delta/bytes.ts";
import { FRAME_KIND, MAGIC, type Frame } from "./format.ts";

/** Pieces of the stream in order: begin, one header and payload a frame, end. Payloads are passed through, not copied. */
export class FrameEncoder {
  #index = 0;

  begin(): Uint8Array {
    return MAGIC;
  }

  frame(frame: Frame): Uint8Array[] {
    const head = new ByteWriter();
    head.varint(this.#index++);
    head.byte(frame.kind);
    head.bytes(frame.hash);
    head.varint(frame.raw_length);
    head.varint(frame.payload.length);
    return [head.view(), frame.payload];
  }

  end(): Uint8Array {
    const tail = new ByteWriter();
    tail.varint(this.#index);
    tail.byte(FRAME_KIND.end);
    return tail.view();
  }
}

/** The whole stream, for bodies that are in memory. */
export function encodeFrames(frames: Frame[]): Uint8Array {
  const encoder = new FrameEncoder();
  const out = new ByteWriter();
  out.bytes(encoder.begin());
  for (const frame of frames) for (const piece of encoder.frame(frame)) out.bytes(piece);
  out.bytes(encoder.end());
  return out.view();
}
