/** What is sent to the object store at a time; R2 wants equal parts of 5 MiB at least. */
export const PART = 8 * 1024 * 1024;

/** Room for seals, leaves and the footer, so that 8 MiB of any bytes still fit one `put`. */
export const CAPACITY = PART + 512 * 1024;

/**
 * The buffers of one body, used again from part to part and from pack to pack: a new one per part grew five uploads to
 * 1 GB resident. There are never more than two.
 */
export class PartBuffers {
  readonly #free: Uint8Array[] = [];

  /** @param wanted bytes; more than a small file needs is not taken */
  take(wanted: number): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(Math.min(CAPACITY, wanted));
  }

  give(buffer: Uint8Array): void {
    if (buffer.length === CAPACITY) this.#free.push(buffer);
  }
}
