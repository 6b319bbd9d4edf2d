import type { Codec } from "../storage/ports.ts";

/** What compression must save to be worth its cost on every read: a twentieth. */
const isWorthIt = (compressed: Uint8Array | null, raw: number): compressed is Uint8Array =>
  compressed !== null && compressed.length <= raw * 0.95;

/** Bytes of a block that stand for it, where the one before did not compress. */
const SAMPLE = 4096;

/**
 * Payloads of a pack's blocks, one after the other. Behind a block that did not compress only a sample is tried first:
 * films and archives would else spend a third of an upload's time in vain. docs/spec/storage.md, PK4.
 */
export class Compressor {
  readonly #codec: Codec;
  #isDull = false;

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  payloadOf(raw: Uint8Array): Uint8Array {
    if (this.#isDull && !this.#isPromising(raw)) return raw;
    const compressed = this.#codec.compress(raw);
    this.#isDull = !isWorthIt(compressed, raw.length);
    return isWorthIt(compressed, raw.length) ? compressed : raw;
  }

  #isPromising(raw: Uint8Array): boolean {
    if (raw.length <= 2 * SAMPLE) return true;
    const middle = (raw.length - SAMPLE) >> 1;
    return isWorthIt(this.#codec.compress(raw.subarray(middle, middle + SAMPLE)), SAMPLE);
  }
}
