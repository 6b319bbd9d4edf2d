/** Manifests that name the copies. docs/spec/durability.md, C5 and C6. */
import { hookOf } from "../manifests/hooks.ts";
import { packsOf } from "../manifests/leaves.ts";
import { encodeNode, type Entry, type Node } from "../manifests/node.ts";
import { formatRoot, parseText } from "../manifests/root.ts";
import type { FinishedPack, PackWriter } from "../packs/writer.ts";
import type { BlockReader } from "../storage/block-reader.ts";
import { damaged } from "../storage/damage.ts";
import type { PackSeries } from "../storage/write.ts";
import type { Exchange } from "./ports.ts";
import type { Moved, RunState } from "./run-state.ts";
import { type Calls, nameOf, rootNaming } from "./survey.ts";

/** Leaves of a run that are remembered: contents that share one share its successor. */
const LEAVES_MAX = 20_000;

interface NewLeaf {
  entry: Entry;
  packs: readonly string[];
}

export class Rewriter {
  readonly #reader: BlockReader;
  readonly #series: PackSeries;
  readonly #calls: Calls;
  readonly #fresh: readonly FinishedPack[];
  /** Blocks that were copied, by pack and index. */
  readonly #moved = new Map<string, Map<number, Moved>>();
  readonly #leaves = new Map<string, NewLeaf>();
  #pack: PackWriter | null = null;

  constructor(reader: BlockReader, series: PackSeries, { packs, fresh }: RunState, calls: Calls) {
    this.#reader = reader;
    this.#series = series;
    this.#calls = calls;
    this.#fresh = fresh;
    for (const { pack_id, moved } of packs)
      if (moved !== null) this.#moved.set(pack_id, new Map(moved.map((one) => [one.index, one])));
  }

  /** Null when it names none of the packs. @throws `integrity_error` where not all of its blocks are known or copied */
  async rewrite(content_id: string, manifest: string): Promise<Exchange | null> {
    const found = await rootNaming(this.#reader, manifest, (pack_id) => this.#moved.has(pack_id), this.#calls);
    if (found === null) return null;
    const leaves = new Map<string, NewLeaf>();
    for (const { entry, leaf } of await this.#newLeaves(found.root)) leaves.set(nameOf(entry), leaf);
    const packs = new Set<string>();
    const entries = found.root.entries.map((entry) => {
      const leaf = leaves.get(nameOf(entry));
      for (const pack_id of leaf?.packs ?? []) packs.add(pack_id);
      return leaf === undefined ? this.#copyOf(entry) : leaf.entry;
    });
    for (const pack_id of packsOf(entries)) packs.add(pack_id);
    const root: Node = { ...found.root, packs: [...packs], entries };
    const to = await formatRoot(root, () => this.#leafPack());
    // Leaves and a root of its own may have come with the text.
    const needed = [...packs, ...(await parseText(to)).packs, ...(this.#pack === null ? [] : [this.#pack.pack_id])];
    return { content_id, from: manifest, to, packs: [...new Set(needed)] };
  }

  async #newLeaves(root: Node): Promise<{ entry: Entry; leaf: NewLeaf }[]> {
    const found: { entry: Entry; leaf: NewLeaf }[] = [];
    const unread: Entry[] = [];
    for (const entry of root.entries) {
      if (entry.kind !== "leaf") continue;
      const leaf = this.#leaves.get(nameOf(entry));
      if (leaf === undefined) unread.push(entry);
      else found.push({ entry, leaf });
    }
    if (this.#leaves.size > LEAVES_MAX) this.#leaves.clear();
    this.#calls.left -= unread.length;
    for await (const { entry, node } of this.#reader.leaves(unread)) {
      const leaf = await this.#newLeaf(entry, node);
      this.#leaves.set(nameOf(entry), leaf);
      found.push({ entry, leaf });
    }
    return found;
  }

  /** Where it lies in a pack that goes, or names one, there is another one in its place. */
  async #newLeaf(entry: Entry, node: Node): Promise<NewLeaf> {
    if (![entry.pack_id, ...node.packs].some((pack_id) => this.#moved.has(pack_id)))
      return { entry, packs: node.packs };
    const entries = node.entries.map((block) => this.#copyOf(block));
    const leaf: Node = { ...node, packs: packsOf(entries), entries };
    const place = await (await this.#leafPack()).add("leaf", encodeNode(leaf));
    return { entry: { ...place, span: entry.span }, packs: leaf.packs };
  }

  #copyOf(entry: Entry): Entry {
    const moved = this.#moved.get(entry.pack_id);
    if (moved === undefined) return entry;
    const copy = moved.get(entry.index);
    // Without it the content would be lost with the old pack.
    if (copy === undefined || copy.hash !== hookOf(entry.hash)) throw damaged("a block was not copied");
    const { pack, ...place } = copy.to;
    return { ...entry, ...place, pack_id: (this.#fresh[pack] as FinishedPack).pack_id };
  }

  async #leafPack(): Promise<PackWriter> {
    this.#pack ??= await this.#series.open(null);
    return this.#pack;
  }

  /** The pack of new leaves is stored: manifests that name it may be exchanged. */
  async finish(): Promise<void> {
    if (this.#pack !== null) await this.#series.finish(this.#pack);
    this.#pack = null;
  }
}
