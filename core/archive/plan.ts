/**
 * What an archive will hold, packed: some 60 bytes an entry and its name, so that the largest archive's plan is small
 * beside the memory of a Worker. Read once, before the first byte: what happens to the tree later changes neither the
 * length nor the bytes. docs/spec/archive.md, Z6 and Z7.
 */
import { DriveError } from "../protocol/errors.ts";
import type { ArchiveItem } from "./ports.ts";

export const ENTRIES_MAX = 100_000;
/** Bytes of all names together, each counted once. */
export const NAMES_MAX = 16 * 1024 * 1024;

const ID_BYTES = 16;
const NO_PARENT = 0xffffffff;
const encoder = new TextEncoder();

type Column = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** The column with room for `length` values; doubled, so that filling it stays linear. */
function grown<T extends Column>(column: T, length: number): T {
  if (length <= column.length) return column;
  const more = new (column.constructor as new (length: number) => T)(Math.max(length, column.length * 2));
  more.set(column);
  return more;
}

const toBytes = (id: string): number[] =>
  (id.replaceAll("-", "").match(/../g) as string[]).map((pair) => Number.parseInt(pair, 16));

function toId(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const tooLarge = (detail: string): DriveError =>
  new DriveError("payload_too_large", detail, { max_entries: ENTRIES_MAX, max_name_bytes: NAMES_MAX });

/** Entries by number, folders before what lies in them. */
export class ArchivePlan {
  #length = 0;
  #ids = new Uint8Array(64 * ID_BYTES);
  #parents = new Uint32Array(64);
  #sizes = new Float64Array(64);
  /** Milliseconds since the epoch. */
  #times = new Float64Array(64);
  #folders = new Uint8Array(64);
  #nameEnds = new Uint32Array(64);
  #names = new Uint8Array(64 * 32);
  #crcs = new Uint32Array(64);

  get length(): number {
    return this.#length;
  }

  /** Throws `payload_too_large` when the archive would hold too much. */
  add(item: ArchiveItem, parent: number | null): void {
    const at = this.#length;
    if (at === ENTRIES_MAX) throw tooLarge(`An archive can hold ${ENTRIES_MAX} files and folders at most.`);
    const name = encoder.encode(item.name);
    const start = at === 0 ? 0 : (this.#nameEnds[at - 1] as number);
    const end = start + name.length;
    if (end > NAMES_MAX) throw tooLarge("The names of these files are too long for one archive.");
    this.#grow(at + 1, end);
    this.#ids.set(toBytes(item.content_id ?? item.file_id), at * ID_BYTES);
    this.#parents[at] = parent ?? NO_PARENT;
    this.#sizes[at] = item.is_folder ? 0 : item.size;
    this.#times[at] = item.modified_at;
    this.#folders[at] = item.is_folder ? 1 : 0;
    this.#names.set(name, start);
    this.#nameEnds[at] = end;
    this.#length = at + 1;
  }

  #grow(length: number, names: number): void {
    this.#ids = grown(this.#ids, length * ID_BYTES);
    this.#parents = grown(this.#parents, length);
    this.#sizes = grown(this.#sizes, length);
    this.#times = grown(this.#times, length);
    this.#folders = grown(this.#folders, length);
    this.#nameEnds = grown(this.#nameEnds, length);
    this.#names = grown(this.#names, names);
    this.#crcs = grown(this.#crcs, length);
  }

  isFolder(at: number): boolean {
    return this.#folders[at] === 1;
  }

  /** The content of a file, the id of a folder. */
  idOf(at: number): string {
    return toId(this.#ids.subarray(at * ID_BYTES, (at + 1) * ID_BYTES));
  }

  sizeOf(at: number): number {
    return this.#sizes[at] as number;
  }

  timeOf(at: number): number {
    return this.#times[at] as number;
  }

  crcOf(at: number): number {
    return this.#crcs[at] as number;
  }

  setCrc(at: number, crc: number): void {
    this.#crcs[at] = crc;
  }

  #nameOf(at: number): Uint8Array {
    return this.#names.subarray(at === 0 ? 0 : this.#nameEnds[at - 1], this.#nameEnds[at]);
  }

  /** The entry itself and the folders above it, the highest first. */
  #pathTo(at: number): number[] {
    const path = [];
    for (let entry = at; entry !== NO_PARENT; entry = this.#parents[entry] as number) path.push(entry);
    return path.toReversed();
  }

  /** Bytes of the entry's whole path: names in UTF-8 with `/` between them, one more behind a folder. */
  pathLength(at: number): number {
    return this.#pathTo(at).reduce((sum, entry) => sum + this.#nameOf(entry).length + 1, this.isFolder(at) ? 0 : -1);
  }

  /** Writes the path. @returns the position behind it */
  writePath(at: number, into: Uint8Array, position: number): number {
    let end = position;
    for (const entry of this.#pathTo(at)) {
      const name = this.#nameOf(entry);
      into.set(name, end);
      end += name.length;
      if (entry !== at || this.isFolder(at)) into[end++] = 0x2f;
    }
    return end;
  }
}
