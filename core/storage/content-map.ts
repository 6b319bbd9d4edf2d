/** Which blocks a content has where: its manifest, read as far as it is asked for. docs/spec/storage.md, M9. */
import type { Entry, Node } from "../manifests/node.ts";
import type { BlockReader } from "./block-reader.ts";

/** An entry, and where its bytes begin in the content. */
export interface Placed {
  entry: Entry;
  start: number;
}

export class ContentMap {
  readonly root: Node;
  readonly #reader: BlockReader;
  /** Where the root's entries begin. */
  readonly #starts: number[] = [];

  constructor(reader: BlockReader, root: Node) {
    this.#reader = reader;
    this.root = root;
    let start = 0;
    for (const { span } of root.entries) {
      this.#starts.push(start);
      start += span;
    }
  }

  /** The root's own entries that `length` bytes from `offset` cross, in order. */
  *crossed(offset: number, length: number): Generator<Placed> {
    for (let i = this.#at(offset); i < this.#starts.length; i++) {
      const start = this.#starts[i] as number;
      if (start >= offset + length) return;
      yield { entry: this.root.entries[i] as Entry, start };
    }
  }

  /** Index of the root's entry that holds a byte. */
  #at(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The data entries that the bytes need. */
  async blocks(offset: number, length: number): Promise<Placed[]> {
    const found: Placed[] = [];
    for (const placed of this.crossed(offset, length)) {
      if (placed.entry.kind !== "leaf") {
        found.push(placed);
        continue;
      }
      let { start } = placed;
      for (const entry of (await this.leaf(placed.entry)).entries) {
        if (start + entry.span > offset && start < offset + length) found.push({ entry, start });
        start += entry.span;
      }
    }
    return found;
  }

  async leaf(entry: Entry): Promise<Node> {
    const { value } = await this.#reader.leaves([entry]).next();
    return (value as { node: Node }).node;
  }
}
