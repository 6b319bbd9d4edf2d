/** From a body to blocks in packs. docs/spec/storage.md, PK2, M5 to M7. */
import type { BlockBits } from "../blocks/classes.ts";
import { cutBlocks } from "../blocks/stream.ts";
import type { HookSampler } from "../manifests/hooks.ts";
import { addLeaves, packsOf, spanOf } from "../manifests/leaves.ts";
import { dataEntry, type Entry, type Node } from "../manifests/node.ts";
import { formatRoot } from "../manifests/root.ts";
import { newPackId, packKey } from "../packs/format.ts";
import { CAPACITY, PartBuffers } from "../packs/part-buffers.ts";
import { type FinishedPack, PACK_MAX, PackWriter } from "../packs/writer.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { Engine } from "./engine.ts";
import type { Hasher } from "./ports.ts";

/** Up to here the entries of a pack need no leaves: of a pack among others, and of one that is the whole content. */
const BARE_PART = 32;
const BARE_WHOLE = 256;

/** A body is read in pieces of this size; the runtime copies each of them twice, so they are small beside a part. */
export const BODY_PIECE = 256 * 1024;

/** Hashes and counts what passes; ends the transfer as soon as it is longer than `max`. */
export async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  hasher: Hasher,
  max: number,
  tooLong: () => Error,
): AsyncIterable<Uint8Array> {
  let seen = 0;
  for await (const piece of pieces) {
    seen += piece.length;
    if (seen > max) throw tooLong();
    await hasher.update(piece);
    yield piece;
  }
}

/** The packs of one upload. Who gives up calls `remove`, when it is sure that nothing refers to them. */
export class PackSeries {
  readonly #engine: Engine;
  readonly #tenant_id: TenantId;
  readonly #upload_id: string;
  readonly #buffers: PartBuffers;
  readonly #begun: string[] = [];
  readonly finished: FinishedPack[] = [];
  #open: PackWriter | null = null;

  constructor(engine: Engine, tenant_id: TenantId, upload_id: string) {
    this.#engine = engine;
    this.#tenant_id = tenant_id;
    this.#upload_id = upload_id;
    this.#buffers = new PartBuffers(engine.spare);
  }

  /** @param expected raw bytes, when known */
  async open(expected: number | null): Promise<PackWriter> {
    const pack_id = newPackId(this.#upload_id);
    this.#begun.push(pack_id);
    // Half a percent and 4 KiB: seals and the footer of what does not compress.
    const room = expected === null ? CAPACITY : Math.ceil(expected * 1.005) + 4096;
    this.#open = await PackWriter.open(this.#engine, this.#tenant_id, pack_id, this.#buffers, room);
    return this.#open;
  }

  async finish(pack: PackWriter): Promise<void> {
    this.finished.push(await pack.finish());
    this.#open = null;
  }

  /** No more packs for now: the memory goes back. */
  rest(): void {
    this.#buffers.rest();
  }

  /** Best effort: ends what is under way and deletes what was stored. The sweep finds the rest by the upload's id. */
  async remove(): Promise<void> {
    await this.#open?.abort();
    this.#open = null;
    const keys = this.#begun.map((pack_id) => packKey(this.#tenant_id, pack_id));
    if (keys.length > 0) await this.#engine.objects.delete(keys).catch(() => undefined);
  }
}

export interface WriteOptions {
  bits: BlockBits;
  /** Raw bytes of the body, when known. */
  size: number | null;
  /** The body is the whole content: one pack of it needs no leaves. */
  whole: boolean;
  /** Told every block in its order. */
  sampler?: HookSampler;
}

/** Streams a body into packs. @returns a root over it; its packs are finished, and nothing refers to them yet */
export const writeBlocks = (
  series: PackSeries,
  pieces: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<Node> => packBlocks(series, cutBlocks(pieces, options.bits), options);

/** The same for blocks that were cut before; each is read before the next one is asked for. */
export async function packBlocks(
  series: PackSeries,
  blocks: AsyncIterable<Uint8Array>,
  { bits, size, whole, sampler }: WriteOptions,
): Promise<Node> {
  const nodes: Entry[] = [];
  const packs: string[] = [];
  let pack: PackWriter | null = null;
  let entries: Entry[] = [];
  const endPack = async (bare: number): Promise<void> => {
    if (pack === null) return;
    packs.push(...packsOf(entries));
    nodes.push(...(entries.length <= bare ? entries : await addLeaves(pack, bits, entries)));
    await series.finish(pack);
    pack = null;
    entries = [];
  };
  for await (const block of blocks) {
    if (pack !== null && pack.raw + block.length > PACK_MAX) await endPack(BARE_PART);
    pack ??= await series.open(size);
    const place = await pack.add("data", block);
    sampler?.add(place.hash);
    entries.push(dataEntry(place));
  }
  await endPack(whole && packs.length === 0 ? BARE_WHOLE : BARE_PART);
  series.rest();
  return { kind: "root", bits, size: spanOf(nodes), packs, entries: nodes };
}

/** The text of a content's row; a root that is too long for it goes into one more pack. */
export async function writeRoot(series: PackSeries, root: Node): Promise<string> {
  let pack: PackWriter | null = null;
  const manifest = await formatRoot(root, async () => (pack = await series.open(null)));
  if (pack !== null) await series.finish(pack);
  series.rest();
  return manifest;
}
