import type { ByteSource } from "../ports.ts";
import { baseMismatch } from "../refusal.ts";
import { Inflater, InflateError } from "./deflate.ts";
import { LOOK_BACK, type Section } from "./format.ts";

const READ_BYTES = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** Which bytes of a version, and which of them are inflated. */
interface BaseRun {
  base_offset: number;
  base_length: number;
  base_sections: Section[];
}

/** A base range with its members inflated, read once from front to end; LOOK_BACK of it is held. */
export class VirtualBase {
  readonly #pieces: AsyncGenerator<Uint8Array>;
  /** Chunks of CHUNK_BYTES by number; the last one fills up. */
  readonly #chunks = new Map<number, Uint8Array>();
  #filled = 0;
  #dropped = 0;

  constructor(base: ByteSource, run: BaseRun) {
    this.#pieces = inflated(base, run);
  }

  /** Pieces of `length` bytes from `offset`, which is not further back than LOOK_BACK. Copies: what is held changes. */
  async *read(offset: number, length: number): AsyncGenerator<Uint8Array> {
    const end = offset + length;
    let at = offset;
    while (at < end) {
      const number = Math.floor(at / CHUNK_BYTES);
      const until = Math.min(end, (number + 1) * CHUNK_BYTES);
      await this.#fill(until);
      const start = number * CHUNK_BYTES;
      yield this.#chunks.get(number)!.slice(at - start, until - start);
      at = until;
    }
  }

  async #fill(until: number): Promise<void> {
    while (this.#filled < until) {
      const next = await this.#pieces.next();
      if (next.done === true) throw baseMismatch("The base of the delta is shorter than it says.");
      this.#append(next.value);
    }
    const keep = Math.floor((until - LOOK_BACK) / CHUNK_BYTES);
    for (; this.#dropped < keep; this.#dropped++) this.#chunks.delete(this.#dropped);
  }

  #append(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const number = Math.floor(this.#filled / CHUNK_BYTES);
      let chunk = this.#chunks.get(number);
      if (chunk === undefined) this.#chunks.set(number, (chunk = new Uint8Array(CHUNK_BYTES)));
      const start = this.#filled - number * CHUNK_BYTES;
      const take = Math.min(CHUNK_BYTES - start, bytes.length - at);
      chunk.set(bytes.subarray(at, at + take), start);
      this.#filled += take;
      at += take;
    }
  }
}

async function* inflated(base: ByteSource, run: BaseRun): AsyncGenerator<Uint8Array> {
  let at = run.base_offset;
  for (const section of run.base_sections) {
    yield* plain(base, at, section.gap);
    at += section.gap;
    const inflater = new Inflater(section.inflated_length);
    try {
      for await (const bytes of plain(base, at, section.deflated_length)) yield* inflater.write(bytes);
      inflater.end();
    } catch (error) {
      if (error instanceof InflateError) throw baseMismatch(`A member of the base ${error.message}.`);
      throw error;
    }
    at += section.deflated_length;
  }
  yield* plain(base, at, run.base_offset + run.base_length - at);
}

async function* plain(base: ByteSource, offset: number, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < length; at += READ_BYTES) {
    const take = Math.min(READ_BYTES, length - at);
    const bytes = await base.read(offset + at, take);
    if (bytes.length !== take) throw baseMismatch("The base of the delta is shorter than it says.");
    yield bytes;
  }
}
