import { ByteWriter } from "../../core/delta/bytes.ts";
import { type BlockFrame, type BlockRef, FrameEncoder } from "../../core/frames/index.ts";
import { MAX_FRAMES } from "../../core/frames/format.ts";
import { sha256 } from "../hash.ts";

/** A body of frames, whole in memory. */
export interface Part {
  /** SHA-256 of the body. */
  chunk_id: string;
  body: Uint8Array<ArrayBuffer>;
  /** Bytes that its frames stand for, and the blocks among them, in order. */
  raw_length: number;
  blocks: BlockRef[];
  frames: number;
}

class PartWriter {
  readonly #out = new ByteWriter();
  readonly #encoder = new FrameEncoder();
  readonly blocks: BlockRef[] = [];
  raw_length = 0;
  frames = 0;

  constructor() {
    this.#out.bytes(this.#encoder.begin());
  }

  add({ frame, blocks }: BlockFrame): void {
    for (const piece of this.#encoder.frame(frame)) this.#out.bytes(piece);
    this.blocks.push(...blocks);
    this.raw_length += frame.raw_length;
    this.frames++;
  }

  async finish(): Promise<Part> {
    this.#out.bytes(this.#encoder.end());
    const { blocks, raw_length, frames } = this;
    const body = this.#out.view();
    return { chunk_id: await sha256(body), body, raw_length, blocks, frames };
  }
}

/** One body of all frames. */
export async function joinFrames(frames: readonly BlockFrame[]): Promise<Part> {
  const part = new PartWriter();
  for (const made of frames) part.add(made);
  return part.finish();
}

/** Bodies of the frames, in order, each standing for at most `max_raw` bytes. The same frames make the same bodies. */
export async function* partsOf(frames: AsyncIterable<BlockFrame>, max_raw: number): AsyncGenerator<Part> {
  let part = new PartWriter();
  for await (const made of frames) {
    if (part.frames > 0 && (part.raw_length + made.frame.raw_length > max_raw || part.frames === MAX_FRAMES)) {
      yield part.finish();
      part = new PartWriter();
    }
    part.add(made);
  }
  if (part.frames > 0) yield part.finish();
}
