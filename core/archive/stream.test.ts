import { crc32 as native } from "node:zlib";
import { describe, expect, it } from "vitest";
import { inMemory, readZip } from "../../test/support/zip-reader.ts";
import { newId } from "../protocol/ids.ts";
import { formatManifest } from "../storage/manifest.ts";
import type { ObjectStore } from "../storage/ports.ts";
import type { ArchiveItem, ArchiveStore } from "./ports.ts";
import { archiveStream } from "./stream.ts";
import { type Archive, planArchive } from "./walk.ts";
import { zipLength } from "./zip.ts";

const MiB = 1024 * 1024;
const crc32 = (piece: Uint8Array, crc: number): number => native(piece, crc);

/** Files of one tenant in one folder, as objects that tell when they are read. */
class Shelf implements ArchiveStore {
  readonly tenant_id = 7;
  readonly files: { item: ArchiveItem; bytes: Uint8Array }[];
  readonly opened: string[] = [];
  reading = 0;
  most = 0;
  queries = 0;

  constructor(sizes: readonly number[]) {
    this.files = sizes.map((size, i) => {
      const content_id = newId(7, i);
      const item = { file_id: content_id, name: `f${i}`, is_folder: false, size, content_id, modified_at: 0 };
      return { item, bytes: new Uint8Array(size).fill(i) };
    });
  }

  async children(): ReturnType<ArchiveStore["children"]> {
    throw new Error("no folders here");
  }

  async manifests(ids: readonly string[]): Promise<Map<string, string>> {
    this.queries++;
    const found = this.files.filter(({ item }) => ids.includes(item.content_id as string));
    return new Map(
      found.map(({ item, bytes }) => [
        item.content_id as string,
        formatManifest([{ key: item.name, offset: 0, length: bytes.length }]),
      ]),
    );
  }

  readonly objects = {
    get: async (key: string, offset: number, length: number) => {
      this.opened.push(key);
      this.most = Math.max(this.most, ++this.reading);
      const file = this.files.find(({ item }) => item.name === key);
      await new Promise(setImmediate);
      this.reading--;
      const bytes = file?.bytes.subarray(offset, offset + length);
      return bytes === undefined ? null : new Response(Uint8Array.from(bytes)).body;
    },
  } as Pick<ObjectStore, "get"> as ObjectStore;

  archive(): Promise<Archive> {
    return planArchive(this.files.map(({ item }) => ({ item, store: this })));
  }
}

const streamOf = async (shelf: Shelf): Promise<ReadableStream<Uint8Array>> =>
  archiveStream(await shelf.archive(), { objects: shelf.objects, crc32 });

describe("Z9: what is read when", () => {
  it("small files five at a time, in order, and every byte arrives", async () => {
    const shelf = new Shelf(Array.from({ length: 250 }, (_, i) => i * 10));
    const bytes = new Uint8Array(await new Response(await streamOf(shelf)).arrayBuffer());
    expect(bytes.length).toBe(zipLength((await shelf.archive()).plan));
    const members = readZip(inMemory(bytes), bytes.length);
    for (const [i, { start, size, crc }] of members.entries()) {
      expect(bytes.subarray(start, start + size)).toEqual(shelf.files[i]?.bytes);
      expect(crc).toBe(native(shelf.files[i]?.bytes as Uint8Array));
    }
    expect(shelf.most).toBe(5);
    expect(shelf.queries).toBe(3);
    // An empty file has no bytes to read.
    expect(shelf.opened).toEqual(shelf.files.slice(1).map(({ item }) => item.name));
  });

  it("a large file is opened in its turn, not before", async () => {
    const shelf = new Shelf([2 * MiB, 2 * MiB, 2 * MiB]);
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
        const shelf = new Shelf([10, size, 10]);
        const stream = await streamOf(shelf);
        (shelf.files[1] as { bytes: Uint8Array }).bytes = new Uint8Array(left);
        // The manifest still says what was stored.
        shelf.manifests = async (ids) =>
          new Map(ids.map((id, i) => [id, formatManifest([{ key: `f${i}`, offset: 0, length: [10, size, 10][i]! }])]));
        await expect(new Response(stream).arrayBuffer()).rejects.toThrow();
      }
    },
  );

  it("a content without a manifest does too", async () => {
    const shelf = new Shelf([10, 10]);
    shelf.manifests = async () => new Map();
    await expect(new Response(await streamOf(shelf)).arrayBuffer()).rejects.toMatchObject({ code: "integrity_error" });
  });
});
