import type { ByteSource } from "../core/delta/index.ts";
import { SourceChanged } from "./stale.ts";

export type { ByteSource };

/** A browser's `File`, or whatever else is cut by `slice`. */
export const blobSource = (blob: Blob): ByteSource => ({
  size: blob.size,
  read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
});

/** Exactly these bytes. @throws SourceChanged when the source has ended before */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  const bytes = await source.read(offset, length, into);
  if (bytes.length !== length) throw new SourceChanged();
  return bytes;
}

/** How much is read at once: slices cost a millisecond in browsers. */
const WINDOW = 8 * 1024 * 1024;

/** Reads mostly forwards, in small steps, out of large reads. */
export class WindowReader {
  readonly #source: ByteSource;
  readonly #buffer: Uint8Array;
  #offset = 0;
  #bytes = new Uint8Array();

  /** @param longest bytes that are asked for at once, at most */
  constructor(source: ByteSource, longest: number) {
    this.#source = source;
    this.#buffer = new Uint8Array(Math.min(Math.max(WINDOW, longest), source.size));
  }

  /** A view of `length` bytes, or of as many as there are up to the end; valid until the next one. @throws SourceChanged */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(offset + length, this.#source.size);
    if (offset < this.#offset || end > this.#offset + this.#bytes.length) {
      const size = Math.min(this.#buffer.length, this.#source.size - offset);
      this.#bytes = (await readExactly(this.#source, offset, size, this.#buffer)) as Uint8Array<ArrayBuffer>;
      this.#offset = offset;
    }
    return this.#bytes.subarray(offset - this.#offset, end - this.#offset);
  }
}
