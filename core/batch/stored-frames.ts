/** What the frames of a body stand for, and where it lies by now. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { refusal } from "../delta/refusal.ts";
import type { Entry } from "../manifests/node.ts";
import { dataEntry } from "../manifests/node.ts";
import type { BlockPlace } from "../packs/writer.ts";

const runOf = (offset: number, length: number): string => `${offset}+${length}`;

export class StoredFrames {
  /** Where the blocks begin among the bytes of all frames, those that were left out counted. */
  readonly #starts: number[] = [];
  readonly #entries: Entry[] = [];
  readonly #hashes = new Map<string, string>();

  add(start: number, place: BlockPlace): void {
    this.#starts.push(start);
    this.#entries.push(dataEntry(place));
  }

  /** A run of bytes whose SHA-256 the server knows. */
  know(offset: number, length: number, hash: Uint8Array | string): void {
    this.#hashes.set(runOf(offset, length), typeof hash === "string" ? hash : bytesToHex(hash));
  }

  hashOf(offset: number, length: number): string | null {
    return this.#hashes.get(runOf(offset, length)) ?? null;
  }

  /** The blocks of a run that begins and ends where blocks do. Throws `invalid_request` for any other. */
  blocks(offset: number, length: number): Entry[] {
    const found: Entry[] = [];
    let end = offset;
    for (let i = this.#at(offset); end < offset + length && this.#starts[i] === end; i++) {
      const entry = this.#entries[i] as Entry;
      found.push(entry);
      end += entry.span;
    }
    if (end === offset + length) return found;
    throw refusal("segment_blocks", "A segment does not begin and end where blocks of the frames do.");
  }

  /** Index of the first block that begins at `offset` or behind it. */
  #at(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
