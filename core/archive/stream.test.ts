import { crc32 as native } from "node:zlib";
import { describe, expect, it } from "vitest";
import { inMemory, readZip } from "../../test/support/zip-reader.ts";
import { newId } from "../protocol/ids.ts";
import { memoryEngine, piecesOf } from "../../test/support/memory/engine.ts";
import { MemoryObjectStore } from "../../test/support/memory/object-store.ts";
import { packKey } from "../packs/format.ts";
import type { StoredObject } from "../storage/ports.ts";
import { PackSeries, writeBlocks, writeRoot } from "../storage/write.ts";
import type { ArchiveItem, ArchiveStore } from "./ports.ts";
import { archiveStream } from "./stream.ts";
import { type Archive, planArchive } from "./walk.ts";
import { zipLength } from "./zip.ts";

const MiB = 1024 * 1024;
const crc32 = (piece: Uint8Array, crc: number): number => native(piece, crc);

/** Objects that tell when they are read. */
class WatchedObjects extends MemoryObjectStore {
  readonly opened: string[] = [];
  reading = 0;
  most = 0;

  override async get(key: string, offset: number, length: number): Promise<StoredObject | null> {
    if (!this.opened.includes(key)) this.opened.push(key);
    this.most = Math.max(this.most, ++this.reading);
    // The others need a moment to come: their manifests are parsed, their keys unwrapped.
    for (let turn = 0; turn < 20 && this.reading < 5; turn++) await new Promise(setImmediate);
    this.reading--;
    return super.get(key, offset, length);
  }
}

/** Files of one tenant in one folder. */
class Shelf implements ArchiveStore {
  readonly tenant_id = 7;
  readonly files: { item: ArchiveItem; bytes: Uint8Array; manifest: string; keys: string[] }[] = [];
  readonly objects = new WatchedObjects();
  readonly engine = memoryEngine(this.objects);
  queries = 0;

  static async of(sizes: readonly number[]): Promise<Shelf> {
    const shelf = new Shelf();
    for (const [i, size] of sizes.entries()) {
      const content_id = newId(7, i);
      const item = { file_id: content_id, name: `f${i}`, is_folder: false, size, content_id, modified_at: 0 };
      const bytes = new Uint8Array(size).fill(i);
      const series = new PackSeries(shelf.engine, 7, content_id);
      const root = await writeBlocks(series, piecesOf(bytes), { bits: 16, size, whole: true });
      const keys = root.packs.map((pack_id) => packKey(7, pack_id));
      shelf.files.push({ item, bytes, manifest: await writeRoot(series, root), keys });
    }
    return shelf;
  }

  async children(): ReturnType<ArchiveStore["children"]> {
    throw new Error("no folders here");
  }

  async manifests(ids: readonly string[]): Promise<Map<string, string>> {
    this.queries++;
    const found = this.files.filter(({ item }) => ids.includes(item.content_id as string));
    return new Map(found.map(({ item, manifest }) => [item.content_id as string, manifest]));
  }

  /** Names of the files that were read, in order. */
  get opened(): (string | undefined)[] {
    return this.objects.opened.map((key) => this.files.find(({ keys }) => keys.includes(key))?.item.name);
  }

  archive(): Promise<Archive> {
    return planArchive(this.files.map(({ item }) => ({ item, store: this })));
  }
}

const streamOf = async (shelf: Shelf): Promise<ReadableStream<Uint8Array>> =>
  archiveStream(await shelf.archive(), { engine: shelf.engine, crc32 });

describe("Z9: what is read when", () => {
  it("small files five at a time, in order, and every byte arrives", async () => {
    const shelf = await Shelf.of(Array.from({ length: 250 }, (_, i) => i * 10));
    const bytes = new Uint8Array(await new Response(await streamOf(shelf)).arrayBuffer());
    expect(bytes.length).toBe(zipLength((await shelf.archive()).plan));
    const members = readZip(inMemory(bytes), bytes.length);
    for (const [i, { start, size, crc }] of members.entries()) {
      expect(bytes.subarray(start, start + size)).toEqual(shelf.files[i]?.bytes);
      expect(crc).toBe(native(shelf.files[i]?.bytes as Uint8Array));
    }
    expect(shelf.objects.most).toBe(5);
    expect(shelf.queries).toBe(3);
    // An empty file has no bytes to read. Of five that begin together any one may come first.
    const opened = shelf.opened.map((name) => Number(name?.slice(1)));
    expect(opened.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 249 }, (_, i) => i + 1));
    for (const [at, i] of opened.entries()) expect(Math.abs(i - 1 - at)).toBeLessThan(5);
  });

  it("a large file is opened in its turn, not before", async () => {
    const shelf = await Shelf.of([2 * MiB, 2 * MiB, 2 * MiB]);
    const reader = (await streamOf(shelf)).getReader();
    await reader.read();
    expect(shelf.opened).toEqual(["f0"]);
    await reader.cancel();
    expect(shelf.opened).toEqual(["f0"]);
  });
});

describe("Z10: a file that cannot be read", () => {
  it.each([100, 2 * MiB, 20 * MiB])(
    "of %i bytes: gone, or too short, it ends the stream with an error",
    async (size) => {
      for (const left of [0, size - 1]) {
        const shelf = await Shelf.of([10, size, 10]);
        const stream = await streamOf(shelf);
        const key = shelf.files[1]?.keys[0] as string;
        const object = shelf.objects.objects.get(key) as StoredObject;
        if (left === 0) shelf.objects.objects.delete(key);
        else shelf.objects.objects.set(key, { ...object, bytes: object.bytes.slice(0, 20) });
        await expect(new Response(stream).arrayBuffer()).rejects.toThrow();
      }
    },
  );

  it("a content without a manifest does too", async () => {
    const shelf = await Shelf.of([10, 10]);
    shelf.manifests = async () => new Map();
    await expect(new Response(await streamOf(shelf)).arrayBuffer()).rejects.toMatchObject({ code: "integrity_error" });
  });
});
