/** One tenant's blocks, from the object store. docs/spec/storage.md, PK9 and M9. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { tooScattered } from "../manifests/bounds.ts";
import { decodeNode, type Entry, type Node } from "../manifests/node.ts";
import { parseText } from "../manifests/root.ts";
import { openBlock } from "../packs/block.ts";
import { packKey } from "../packs/format.ts";
import type { TenantId } from "../protocol/ids.ts";
import { damaged } from "./damage.ts";
import type { Engine } from "./engine.ts";
import { free } from "./free.ts";
import { joinRuns, type Run } from "./runs.ts";

/** One ranged read, unless a block alone is longer. */
export const READ_MAX = 2 * 1024 * 1024;

/** Of leaves for one request that puts files together: an invocation has 10,000 calls of everything. */
export const READS_MAX = 8000;

/** Leaves read at a time: their data comes first, so a range starts soon. */
const LEAVES_MAX = 64 * 1024;

/** The stored bytes of a run, and the key to them. */
export interface ReadRun extends Run {
  bytes: Uint8Array<ArrayBuffer>;
  key: CryptoKey;
}

export class BlockReader {
  readonly #engine: Engine;
  readonly #tenant_id: TenantId;
  #left: number;

  /** @param reads that may be made: one more is refused as the client's (`invalid_request`) */
  constructor(engine: Engine, tenant_id: TenantId, reads = Infinity) {
    this.#engine = engine;
    this.#tenant_id = tenant_id;
    this.#left = reads;
  }

  async read(run: Run): Promise<ReadRun> {
    if (this.#left-- <= 0) throw tooScattered();
    const { objects, keys } = this.#engine;
    const { pack_id, offset } = run.entries[0] as Entry;
    const object = await objects.get(packKey(this.#tenant_id, pack_id), offset, run.length);
    if (object === null) throw await this.#engine.whyMissing(this.#tenant_id, pack_id);
    if (object.bytes.length !== run.length) throw damaged("a pack is too short");
    this.#engine.noteRead(this.#tenant_id, pack_id);
    const key = await keys.packKey(this.#tenant_id, pack_id, object.metadata);
    return { ...run, bytes: object.bytes, key };
  }

  /** The raw bytes of a run's blocks, verified, one after the other. Then the run's own bytes are gone. */
  async *open({ entries, bytes, key }: ReadRun): AsyncGenerator<{ entry: Entry; raw: Uint8Array<ArrayBuffer> }> {
    let at = 0;
    for (const entry of entries) {
      const sealed = bytes.subarray(at, at + entry.stored);
      at += entry.stored;
      const pack = { tenant_id: this.#tenant_id, pack_id: entry.pack_id, key };
      yield { entry, raw: await openBlock(this.#engine.codec, pack, entry.index, entry, sealed) };
    }
    free(bytes);
  }

  /** @param manifest the text of a content's row. @throws `integrity_error` */
  async root(manifest: string): Promise<Node> {
    const node = await parseText(manifest);
    if (node.kind === "root") return node;
    if (node.kind === "pointer")
      for await (const { node: root } of this.#nodes(node.entries))
        if (root.kind === "root" && root.size === node.size) return root;
    throw damaged("a manifest has no root");
  }

  /** The data entries that `length` bytes from `offset` need, in order. */
  async *data(root: Node, offset: number, length: number): AsyncGenerator<{ entry: Entry; start: number }> {
    const crosses = (start: number, { span }: Entry): boolean => start + span > offset && start < offset + length;
    const within = function* (entries: readonly Entry[], from: number): Generator<{ entry: Entry; start: number }> {
      let start = from;
      for (const entry of entries) {
        if (crosses(start, entry)) yield { entry, start };
        start += entry.span;
      }
    };
    let leaves: { entry: Entry; start: number }[] = [];
    for (const found of within(root.entries, 0)) {
      if (found.entry.kind === "leaf") {
        leaves.push(found);
        continue;
      }
      for await (const { node, start } of this.#leaves(leaves)) yield* within(node.entries, start);
      leaves = [];
      yield found;
    }
    for await (const { node, start } of this.#leaves(leaves)) yield* within(node.entries, start);
  }

  async *#leaves(leaves: { entry: Entry; start: number }[]): AsyncGenerator<{ node: Node; start: number }> {
    let start = leaves[0]?.start ?? 0;
    for await (const { entry, node } of this.leaves(leaves.map((leaf) => leaf.entry))) {
      yield { node, start };
      start += entry.span;
    }
  }

  /** Leaves in the order of their entries; neighbours are read together. @throws `integrity_error` */
  async *leaves(entries: readonly Entry[]): AsyncGenerator<{ entry: Entry; node: Node }> {
    const { leaves } = this.#engine;
    let unread: Entry[] = [];
    for (const entry of entries) {
      const node = leaves.get(this.#nameOf(entry));
      if (node === undefined) {
        unread.push(entry);
        continue;
      }
      yield* this.#readLeaves(unread);
      unread = [];
      yield { entry, node };
    }
    yield* this.#readLeaves(unread);
  }

  async *#readLeaves(entries: readonly Entry[]): AsyncGenerator<{ entry: Entry; node: Node }> {
    for await (const { entry, node } of this.#nodes(entries)) {
      if (node.kind !== "leaf" || node.size !== entry.span) throw damaged("a leaf is not what it is said to be");
      this.#engine.leaves.set(this.#nameOf(entry), node);
      yield { entry, node };
    }
  }

  /** All that the block is verified against: what is found under it is what would be read. */
  #nameOf({ pack_id, index, hash, span }: Entry): string {
    return `${this.#tenant_id}/${pack_id}/${index}/${bytesToHex(hash)}/${span}`;
  }

  async *#nodes(entries: readonly Entry[]): AsyncGenerator<{ entry: Entry; node: Node }> {
    for await (const run of joinRuns(entries, LEAVES_MAX))
      for await (const { entry, raw } of this.open(await this.read(run))) yield { entry, node: decodeNode(raw) };
  }
}
