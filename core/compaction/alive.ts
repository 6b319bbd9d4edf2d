/** Which blocks of a pack some living content needs. docs/spec/durability.md, C2. */
import type { Entry } from "../manifests/node.ts";
import { fromBase64, toBase64 } from "../storage/binary.ts";
import type { Candidate } from "./run-state.ts";

/** More than a pack of 64 MiB has in blocks of 4 KiB, the shortest but for the ends of contents. */
const INDEX_MAX = 2 ** 20;

export class Alive {
  bytes: number;
  readonly #size: number;
  #bits: Uint8Array;

  constructor({ size, alive, bits }: Pick<Candidate, "size" | "alive" | "bits">) {
    this.#size = size;
    this.bytes = alive;
    this.#bits = fromBase64(bits);
  }

  has(index: number): boolean {
    return (((this.#bits[index >>> 3] ?? 0) >>> (index & 7)) & 1) === 1;
  }

  /** Each block counts once, however many contents have it. */
  add({ index, stored }: Pick<Entry, "index" | "stored">): void {
    if (index >= INDEX_MAX || this.has(index)) return;
    const at = index >>> 3;
    if (at >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(at + 1, 2 * this.#bits.length));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[at] = (this.#bits[at] as number) | (1 << (index & 7));
    this.bytes += stored;
  }

  /** Not all that is needed of it can be known: it counts as whole. */
  spoil(): void {
    this.bytes = this.#size;
  }

  get count(): number {
    let count = 0;
    for (const byte of this.#bits) for (let rest = byte; rest > 0; rest &= rest - 1) count++;
    return count;
  }

  save(): Pick<Candidate, "alive" | "bits"> {
    return { alive: this.bytes, bits: toBase64(this.#bits) };
  }
}
