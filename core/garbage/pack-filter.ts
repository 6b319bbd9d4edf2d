/** Which packs are needed, as a Bloom filter: all that were added, and by chance a few others. docs/spec/durability.md, G9. */
export const FILTER_BYTES = 4 * 1024 * 1024;

const BITS = FILTER_BYTES * 8;
const PER_PACK = 4;

export class PackFilter {
  readonly bytes: Uint8Array;
  readonly #salt: number;

  /** @param round id of the round: another one errs about other packs */
  constructor(round: string, bytes = new Uint8Array(FILTER_BYTES)) {
    this.bytes = bytes;
    this.#salt = Number.parseInt(round.slice(0, 8), 16);
  }

  /** The last 64 bits of an id are random (PK1): they need no hash, only to be stirred with the salt. */
  *#bits(pack_id: string): Generator<number> {
    const word = (from: number, factor: number): number => {
      const mixed = Math.imul(Number.parseInt(pack_id.slice(from, from + 8), 16) ^ this.#salt, factor);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    const [first, step] = [word(32, 0x85ebca6b), word(40, 0xc2b2ae35)];
    // Both are unsigned, so their sums are exact and positive.
    for (let i = 0; i < PER_PACK; i++) yield (first + i * step) % BITS;
  }

  add(pack_id: string): void {
    for (const bit of this.#bits(pack_id)) this.bytes[bit >>> 3] = (this.bytes[bit >>> 3] as number) | (1 << (bit & 7));
  }

  has(pack_id: string): boolean {
    for (const bit of this.#bits(pack_id))
      if (((this.bytes[bit >>> 3] as number) & (1 << (bit & 7))) === 0) return false;
    return true;
  }
}
