import { type BlockBits, maxBlock, minBlock } from "./classes.ts";
import { GEAR } from "./gear.ts";

/**
 * Bytes that one call looks at. In a long loop V8 met the first cut with code compiled for a loop without one, threw
 * that away, and in some processes never compiled it again: uploads took four times as long there.
 */
const STEP = 4096;

/** Finds the cuts of one content, fed in pieces of any length. docs/spec/storage.md, B3 and B4. */
export class Cutter {
  readonly #min: number;
  readonly #avg: number;
  readonly #max: number;
  readonly #small: number;
  readonly #large: number;
  #hash = 0;
  /** Bytes of the current block so far. */
  #length = 0;

  constructor(bits: BlockBits) {
    this.#avg = 1 << bits;
    this.#min = minBlock(bits);
    this.#max = maxBlock(bits);
    this.#small = -1 << (30 - bits);
    this.#large = -1 << (34 - bits);
  }

  /** @returns where the current block ends in `bytes`, at or behind `from`; -1 when it goes on behind them */
  next(bytes: Uint8Array, from: number): number {
    const start = from - this.#length;
    const end = bytes.length;
    let at = Math.max(from, start + this.#min);
    if (at < end) {
      at = this.#scan(bytes, at, Math.min(end, start + this.#avg), this.#small);
      if (at < 0)
        at = this.#scan(bytes, Math.max(from, start + this.#avg), Math.min(end, start + this.#max), this.#large);
      if (at < 0 && start + this.#max <= end) at = start + this.#max;
      if (at >= 0) {
        this.#hash = 0;
        this.#length = 0;
        return at;
      }
    }
    this.#length += end - from;
    return -1;
  }

  /** @returns behind the byte that cuts, or -1 */
  #scan(bytes: Uint8Array, from: number, to: number, mask: number): number {
    for (let at = from; at < to; at += STEP) {
      const cut = this.#step(bytes, at, Math.min(to, at + STEP), mask);
      if (cut >= 0) return cut;
    }
    return -1;
  }

  /** Eight bytes a turn: twice the speed of the plain loop; the odd ones first, and nothing is computed only at a cut. */
  #step(bytes: Uint8Array, from: number, to: number, mask: number): number {
    let h = this.#hash;
    let i = from;
    for (const even = to - ((to - from - 1) & -8); i < even;) {
      h = ((h << 1) + GEAR[bytes[i++]!]!) | 0;
      if ((h & mask) === 0) return i;
    }
    while (i < to) {
      h = ((h << 1) + GEAR[bytes[i++]!]!) | 0;
      if ((h & mask) === 0) return i;
      h = ((h << 1) + GEAR[bytes[i++]!]!) | 0;
      if ((h & mask) === 0) return i;
      h = ((h << 1) + GEAR[bytes[i++]!]!) | 0;
      if ((h & mask) === 0) return i;
      h = ((h << 1) + GEAR[bytes[i++]!]!) | 0;
      if ((h & mask) === 0) return i;
      h = ((h << 1) + GEAR[bytes[i++]!]!) | 0;
      if ((h & mask) === 0) return i;
      h = ((h << 1) + GEAR[bytes[i++]!]!) | 0;
      if ((h & mask) === 0) return i;
      h = ((h << 1) + GEAR[bytes[i++]!]!) | 0;
      if ((h & mask) === 0) return i;
      h = ((h << 1) + GEAR[bytes[i++]!]!) | 0;
      if ((h & mask) === 0) return i;
    }
    this.#hash = h;
    return -1;
  }
}
