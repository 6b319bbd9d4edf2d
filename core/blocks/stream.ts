import { type BlockBits, maxBlock } from "./classes.ts";
import { Cutter } from "./cutter.ts";

/**
 * The blocks of a content. A block that lies in one piece is a view of it, so it is valid only until the next one is
 * asked for; memory is one block and one piece.
 */
export async function* cutBlocks(pieces: AsyncIterable<Uint8Array>, bits: BlockBits): AsyncIterable<Uint8Array> {
  const cutter = new Cutter(bits);
  const carry = new Carry(maxBlock(bits));
  for await (const piece of pieces) {
    let from = 0;
    for (let to = cutter.next(piece, from); to >= 0; to = cutter.next(piece, from)) {
      const view = piece.subarray(from, to);
      from = to;
      yield carry.isEmpty ? view : carry.take(view);
    }
    carry.add(piece.subarray(from));
  }
  if (!carry.isEmpty) yield carry.take(new Uint8Array(0));
}

/** The beginning of a block that goes on in the next piece; its buffer grows as blocks need it, and is used again. */
class Carry {
  readonly #max: number;
  #buffer = new Uint8Array(0);
  #length = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(this.#max, Math.max(length, this.#buffer.length * 2)));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  take(rest: Uint8Array): Uint8Array {
    this.add(rest);
    const block = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    return block;
  }
}
