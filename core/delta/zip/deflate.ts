/** Inflating within bounds, and deflating to bytes that are the same in every runtime (D13). */
import { Deflate, Inflate } from "pako";
import { METHOD, type Recipe } from "./format.ts";

/** Input is gathered into pushes of this size, so that how it was cut cannot matter; also the block of METHOD.blocks. */
const PUSH_BYTES = 128 * 1024;
const WINDOW_BYTES = 32 * 1024;
const SYNC_FLUSH = 2;
/** Small input at a time: each byte may inflate to a thousand, and what comes out waits in memory. */
const INFLATE_PUSH_BYTES = 4096;

/** Deflates what is written, by a recipe. */
export class Deflater {
  readonly #recipe: Recipe;
  readonly #onData: (bytes: Uint8Array) => void;
  #deflate: Deflate;
  #pending = new Uint8Array(PUSH_BYTES);
  #filled = 0;

  constructor(recipe: Recipe, onData: (bytes: Uint8Array) => void) {
    this.#recipe = recipe;
    this.#onData = onData;
    this.#deflate = this.#start();
  }

  /** `before`: what came before a block, which it may refer to. */
  #start(before?: Uint8Array<ArrayBuffer>): Deflate {
    const deflate = new Deflate({
      raw: true,
      level: this.#recipe.level as 6,
      memLevel: this.#recipe.mem_level as 8,
      legacyHash: this.#recipe.method !== METHOD.chromium,
      ...(before && { dictionary: before }),
    });
    deflate.onData = this.#onData;
    return deflate;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      // Not before more comes: a block that is full may be the last one.
      if (this.#filled === PUSH_BYTES) this.#pushFull();
      const take = Math.min(PUSH_BYTES - this.#filled, bytes.length - at);
      this.#pending.set(bytes.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
    }
  }

  end(): void {
    this.#deflate.push(this.#pending.subarray(0, this.#filled), true);
  }

  #pushFull(): void {
    const full = this.#pending;
    this.#pending = new Uint8Array(PUSH_BYTES);
    this.#filled = 0;
    if (this.#recipe.method === METHOD.blocks) {
      this.#deflate.push(full, SYNC_FLUSH);
      this.#deflate = this.#start(full.subarray(PUSH_BYTES - WINDOW_BYTES));
    } else this.#deflate.push(full, false);
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
