import type { Allowance, Grant } from "../storage/allowance.ts";
import { free } from "../storage/free.ts";

/** What is sent to the object store at a time; R2 wants equal parts of 5 MiB at least. */
export const PART = 8 * 1024 * 1024;

/** Room for seals, leaves and the footer, so that 8 MiB of any bytes still fit one `put`. */
export const CAPACITY = PART + 512 * 1024;

type Buffer = Uint8Array<ArrayBuffer>;

/**
 * The buffers of one body, used again from part to part and from pack to pack: a new one per part grew five uploads to
 * 1 GB resident. One is its own, a second one is there while the isolate has memory to spare.
 */
export class PartBuffers {
  readonly #spare: Allowance;
  readonly #free: Buffer[] = [];
  #second: Grant | null = null;

  constructor(spare: Allowance) {
    this.#spare = spare;
  }

  /** @param wanted bytes; more than a small file needs is not taken */
  first(wanted: number): Buffer {
    return this.#free.pop() ?? new Uint8Array(Math.min(CAPACITY, wanted));
  }

  /** A second one of full length; null when there is none. */
  second(): Buffer | null {
    const known = this.#free.pop();
    if (known !== undefined) return known;
    this.#second ??= this.#spare.take(CAPACITY);
    return this.#second === null ? null : new Uint8Array(CAPACITY);
  }

  give(buffer: Buffer): void {
    if (buffer.length === CAPACITY) this.#free.push(buffer);
    else free(buffer);
  }

  /** All of them go; the next one is a new one. */
  rest(): void {
    for (const buffer of this.#free.splice(0)) free(buffer);
    this.#second?.release();
    this.#second = null;
  }
}
