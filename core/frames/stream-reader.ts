import { refusal } from "../delta/refusal.ts";

const MAX_VARINT_BYTES = 8;

/** Exact numbers of bytes from a stream that is cut anywhere. */
export class StreamReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();
  #at = 0;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#pieces = stream[Symbol.asyncIterator]();
  }

  /** False at the end of the stream. */
  async #more(): Promise<boolean> {
    while (this.#at === this.#piece.length) {
      const next = await this.#pieces.next();
      if (next.done === true) return false;
      this.#piece = next.value;
      this.#at = 0;
    }
    return true;
  }

  /** Lets the stream go: its owner may have to read on for a sender that still sends. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  /** What follows, in the pieces in which it comes. */
  async *rest(): AsyncGenerator<Uint8Array> {
    try {
      while (await this.#more()) {
        const piece = this.#piece.subarray(this.#at);
        this.#at = this.#piece.length;
        yield piece;
      }
    } finally {
      await this.close();
    }
  }

  async ended(): Promise<boolean> {
    return !(await this.#more());
  }

  async byte(): Promise<number> {
    if (!(await this.#more())) throw truncated();
    return this.#piece[this.#at++]!;
  }

  /** A copy of its own, so that the stream may use its buffers again. Check `length` before. */
  async bytes(length: number): Promise<Uint8Array> {
    const out = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (!(await this.#more())) throw truncated();
      const take = Math.min(length - filled, this.#piece.length - this.#at);
      out.set(this.#piece.subarray(this.#at, this.#at + take), filled);
      this.#at += take;
      filled += take;
    }
    return out;
  }

  /** As ByteReader's: one form for each number, at most 53 bits. */
  async varint(): Promise<number> {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = await this.byte();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte >= 0x80) continue;
      if ((byte === 0 && count > 0) || value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    throw refusal("frame_varint", "The body holds a malformed number.");
  }
}

const truncated = () => refusal("frame_truncated", "The body ends too early.");
