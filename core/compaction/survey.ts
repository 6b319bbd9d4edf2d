/** How much of some packs is alive: one pass over all contents. docs/spec/durability.md, C2. */
import type { MarkedContent } from "../garbage/ports.ts";
import type { Entry, Node } from "../manifests/node.ts";
import { parseText } from "../manifests/root.ts";
import type { BlockReader } from "../storage/block-reader.ts";
import type { Alive } from "./alive.ts";

/** Leaves that are remembered as read: versions of a file have most of them in common. */
const SEEN_MAX = 50_000;

/** A block's, whatever content names it. */
export const nameOf = ({ pack_id, index }: Pick<Entry, "pack_id" | "index">): string => `${pack_id}/${index}`;

/** Calls of the object store that a slice may still make; a content more is read to its end. */
export interface Calls {
  left: number;
}

/** The root of a content that names one of the wanted packs, and in a pointer the root's own block; else null. */
export async function rootNaming(
  reader: BlockReader,
  manifest: string,
  isWanted: (pack_id: string) => boolean,
  calls: Calls,
): Promise<{ root: Node; own: readonly Entry[] } | null> {
  const node = await parseText(manifest);
  // A pointer names the pack of its root only; the root names the others (M5).
  if (node.kind === "pointer") calls.left -= 1;
  const root = node.kind === "pointer" ? await reader.root(manifest) : node;
  return [...node.packs, ...root.packs].some(isWanted)
    ? { root, own: node.kind === "pointer" ? node.entries : [] }
    : null;
}

export class Survey {
  readonly #reader: BlockReader;
  readonly #alive: ReadonlyMap<string, Alive>;
  readonly #calls: Calls;
  readonly #seen = new Set<string>();

  constructor(reader: BlockReader, alive: ReadonlyMap<string, Alive>, calls: Calls) {
    this.#reader = reader;
    this.#alive = alive;
    this.#calls = calls;
  }

  /** @throws `integrity_error` where not all of its blocks are known; then its packs are left alone (C6) */
  async add({ manifest }: Pick<MarkedContent, "manifest">): Promise<void> {
    const found = await rootNaming(this.#reader, manifest, (pack_id) => this.#alive.has(pack_id), this.#calls);
    if (found === null) return;
    try {
      await this.#addBlocks(found.own, found.root);
    } catch (error) {
      for (const pack_id of found.root.packs) this.#alive.get(pack_id)?.spoil();
      throw error;
    }
  }

  async #addBlocks(own: readonly Entry[], root: Node): Promise<void> {
    const unread: Entry[] = [];
    for (const entry of [...own, ...root.entries]) {
      this.#alive.get(entry.pack_id)?.add(entry);
      if (entry.kind === "leaf" && !this.#seen.has(nameOf(entry))) unread.push(entry);
    }
    if (this.#seen.size > SEEN_MAX) this.#seen.clear();
    this.#calls.left -= unread.length;
    for await (const { entry, node } of this.#reader.leaves(unread)) {
      for (const block of node.entries) this.#alive.get(block.pack_id)?.add(block);
      this.#seen.add(nameOf(entry));
    }
  }
}
