/** The body of a batch with frames: docs/spec/uploads.md, U21. */
import { refusal } from "../delta/refusal.ts";
import { decodeFrames } from "../frames/decode.ts";
import { DEFAULT_LIMITS, type Frame } from "../frames/format.ts";
import { StreamReader } from "../frames/stream-reader.ts";
import { DriveError } from "../protocol/errors.ts";
import { MAX_HEAD_BYTES } from "../protocol/sync.ts";

const LENGTH_BYTES = 4;

export class BatchBody {
  readonly #reader: StreamReader;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#reader = new StreamReader(pieces);
  }

  /** The JSON in front, not yet looked at. Comes before the frames. */
  async head(): Promise<unknown> {
    const length = new DataView((await this.#reader.bytes(LENGTH_BYTES)).buffer).getUint32(0);
    if (length > MAX_HEAD_BYTES)
      throw new DriveError("payload_too_large", `The JSON of a batch can have ${MAX_HEAD_BYTES} bytes at most.`);
    const bytes = await this.#reader.bytes(length);
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
    } catch {
      throw refusal("batch_head", "The JSON of the batch is not valid.");
    }
  }

  frames(): AsyncGenerator<Frame> {
    return decodeFrames(this.#reader.rest(), DEFAULT_LIMITS);
  }

  /** Lets the body go, read or not: what its sender still sends is the stream's to read away. */
  close(): Promise<void> {
    return this.#reader.close();
  }
}
