/** Inflating within bounds, and deflating to bytes that are the same in every runtime (D13). */
import { Deflate, Inflate } from "pako";
import { METHOD, type Recipe } from "./format.ts";

const PUSH_BYTES = 64 * 1024;
/** Small input at a time: each byte may inflate to a thousand, and what comes out waits in memory. */
const INFLATE_PUSH_BYTES = 4096;

/** Deflates what is written, by a recipe. Input is gathered into pushes of one size, so that how it was cut cannot matter. */
export class Deflater {
  readonly #deflate: Deflate;
  readonly #pending = new Uint8Array(PUSH_BYTES);
  #filled = 0;

  constructor(recipe: Recipe, onData: (bytes: Uint8Array) => void) {
    this.#deflate = new Deflate({
      raw: true,
      level: recipe.level as 6,
      memLevel: recipe.mem_level as 8,
      legacyHash: recipe.method === METHOD.zlib,
    });
    this.#deflate.onData = onData;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const take = Math.min(PUSH_BYTES - this.#filled, bytes.length - at);
      this.#pending.set(bytes.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
      if (this.#filled === PUSH_BYTES) this.#push(false);
    }
  }

  end(): void {
    this.#push(true);
  }

  #push(finish: boolean): void {
    this.#deflate.push(this.#pending.slice(0, this.#filled), finish);
    this.#filled = 0;
  }
}

/** A member that does not inflate to what it should. */
export class InflateError extends Error {}

/** Inflates a raw deflate stream of exactly `inflated_length` bytes; holds what few kilobytes of input become.
 * Bytes after its end are passed over: the hash of the whole decides. */
export class Inflater {
  readonly #inflate = new Inflate({ raw: true });
  readonly #inflated_length: number;
  #made = 0;
  #out: Uint8Array[] = [];

  constructor(inflated_length: number) {
    this.#inflated_length = inflated_length;
    this.#inflate.onData = (bytes) => {
      const piece = bytes as Uint8Array;
      this.#made += piece.length;
      if (this.#made > inflated_length) throw new InflateError("inflates to more than it says");
      this.#out.push(piece);
    };
  }

  *write(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += INFLATE_PUSH_BYTES) {
      const push = bytes.subarray(at, at + INFLATE_PUSH_BYTES);
      this.#inflate.push(push, false);
      if (this.#inflate.err !== 0) throw new InflateError("is no deflate stream");
      yield* this.#out;
      this.#out = [];
    }
  }

  end(): void {
    if (!this.#inflate.ended || this.#made !== this.#inflated_length)
      throw new InflateError("inflates to less than it says");
  }
}

/** Undefined when the stream does not inflate to exactly `inflated_length` bytes. */
export function inflateWhole(deflated: Uint8Array, inflated_length: number): Uint8Array | undefined {
  const out = new Uint8Array(inflated_length);
  const inflater = new Inflater(inflated_length);
  let at = 0;
  try {
    for (const piece of inflater.write(deflated)) {
      out.set(piece, at);
      at += piece.length;
    }
    inflater.end();
  } catch (error) {
    if (error instanceof InflateError) return undefined;
    throw error;
  }
  return out;
}
