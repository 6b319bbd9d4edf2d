import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { memoryEngine, type MemoryEngine, piecesOf, same } from "../../test/support/memory/engine.ts";
import { MemoryObjectStore } from "../../test/support/memory/object-store.ts";
import type { BlockBits } from "../blocks/classes.ts";
import { packKey } from "../packs/format.ts";
import { indexOfPack } from "../packs/index-of.ts";
import type { FinishedPack } from "../packs/writer.ts";
import { BlockReader } from "./block-reader.ts";
import { readContent } from "./read.ts";
import { PackSeries, writeBlocks, writeRoot } from "./write.ts";

const MiB = 1024 * 1024;
const TENANT = 7;
const UPLOAD = "0192f0c0-0000-8000-8000-000000000001";

const random = (length: number): Uint8Array => randomFillSync(new Uint8Array(length));
const text = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => 97 + (((Math.imul(i >> 4, 2654435761) >>> 24) + i) % 23));

interface Written {
  manifest: string;
  packs: FinishedPack[];
}

async function write(engine: MemoryEngine, bytes: Uint8Array, bits: BlockBits = 14, whole = true): Promise<Written> {
  const series = new PackSeries(engine, TENANT, UPLOAD);
  const root = await writeBlocks(series, piecesOf(bytes), { bits, size: bytes.length, whole });
  expect(root.size).toBe(bytes.length);
  return { manifest: await writeRoot(series, root), packs: series.finished };
}

const read = async (engine: MemoryEngine, manifest: string, offset: number, length: number): Promise<Buffer> =>
  Buffer.from(await new Response(await readContent(engine, TENANT, manifest, offset, length)).arrayBuffer());

describe("contents", { timeout: 60_000 }, () => {
  it("S1, M9: any content comes back, any range of it", async () => {
    const engine = memoryEngine();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1_500_000 }),
        fc.constantFrom(random, text),
        fc.constantFrom<BlockBits>(14, 16),
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (length, make, bits, whole, from, part) => {
          const bytes = make(length);
          const { manifest } = await write(engine, bytes, bits, whole);
          expect(same(await read(engine, manifest, 0, length), bytes)).toBe(true);
          const offset = Math.floor(from * length);
          const wanted = Math.floor(part * (length - offset));
          const piece = await read(engine, manifest, offset, wanted);
          expect(same(piece, bytes.subarray(offset, offset + wanted))).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("PK2: 8 MiB of what does not compress is one put; more is a multipart upload in equal parts", async () => {
    const engine = memoryEngine();
    await write(engine, random(8 * MiB), 16);
    expect(engine.objects.calls).toMatchObject({ put: 1, multipart: 0 });
    const bytes = random(30 * MiB);
    const { manifest, packs } = await write(engine, bytes, 16);
    expect(engine.objects.calls).toMatchObject({ put: 1, multipart: 1, part: 4 });
    expect(packs).toHaveLength(1);
    expect(packs[0]!.size).toBe(engine.objects.objects.get(packKey(TENANT, packs[0]!.pack_id))!.bytes.length);
    expect(same(await read(engine, manifest, 0, bytes.length), bytes)).toBe(true);
  });

  it("PK2, M6: a pack ends at 64 MiB, and its leaves are in it", async () => {
    const engine = memoryEngine();
    const bytes = random(66 * MiB);
    const { manifest, packs } = await write(engine, bytes, 16);
    expect(packs).toHaveLength(2);
    const root = await new BlockReader(engine, TENANT).root(manifest);
    expect(root.packs).toEqual(packs.map((pack) => pack.pack_id));
    const index = await indexOfPack(engine, TENANT, packs[0]!.pack_id, packs[0]!.size);
    expect(index.filter((block) => block.kind === "leaf").length).toBeGreaterThan(3);
    expect(index.findIndex((block) => block.kind === "leaf")).toBe(index.findLastIndex((b) => b.kind === "data") + 1);
    expect(same(await read(engine, manifest, 0, bytes.length), bytes)).toBe(true);
  });

  it("PK4: text is smaller, the rest is raw, also where the compressor fails", async () => {
    const engine = memoryEngine();
    const small = await write(engine, text(MiB), 16);
    expect(small.packs[0]!.size).toBeLessThan(MiB / 2);
    engine.codec = { ...engine.codec, compress: () => null };
    const raw = await write(engine, text(MiB), 16);
    expect(raw.packs[0]!.size).toBeGreaterThan(MiB);
    expect(same(await read(engine, raw.manifest, 0, MiB), text(MiB))).toBe(true);
    const mixed = Buffer.concat([random(MiB), text(MiB)]);
    engine.codec = memoryEngine().codec;
    const both = await write(engine, mixed, 16);
    expect(both.packs[0]!.size, "text behind what does not compress").toBeLessThan(1.6 * MiB);
    expect(same(await read(engine, both.manifest, 0, mixed.length), mixed)).toBe(true);
  });

  it("PK5, PK8: one content twice gives other bytes and other names; the object names its tenant and key", async () => {
    const engine = memoryEngine();
    const [a, b] = [await write(engine, text(9000)), await write(engine, text(9000))];
    const [x, y] = [a, b].map(({ packs }) => engine.objects.objects.get(packKey(TENANT, packs[0]!.pack_id))!);
    expect(Buffer.compare(x!.bytes, y!.bytes)).not.toBe(0);
    expect(x!.metadata).toMatchObject({ tenant: "7", key_version: "1", pack_key: expect.any(String) });
    expect(a.packs[0]!.pack_id.startsWith(UPLOAD.replaceAll("-", ""))).toBe(true);
  });

  it("S12: slow downloads of one isolate hold one read each, and 32 MiB together", async () => {
    const engine = memoryEngine();
    const bytes = random(24 * MiB);
    const { manifest } = await write(engine, bytes, 18);
    const started = engine.objects.calls.get;
    const streams = [];
    for (let i = 0; i < 20; i++) streams.push(await readContent(engine, TENANT, manifest, 0, bytes.length));
    // A read has one block more than half of 2 MiB at least.
    expect(engine.objects.calls.get - started).toBeLessThan(20 + 32);
    for (const stream of streams.slice(1)) await stream.cancel();
    expect(same(Buffer.from(await new Response(streams[0]).arrayBuffer()), bytes)).toBe(true);
    // What they held came back.
    const again = engine.objects.calls.get;
    const stream = await readContent(engine, TENANT, manifest, 0, bytes.length);
    expect(engine.objects.calls.get - again).toBeGreaterThanOrEqual(5);
    await stream.cancel();
  });

  it("S12: a fleeting piece is there until the next one is asked for", async () => {
    const engine = memoryEngine();
    for (const bytes of [random(MiB), text(MiB)]) {
      const { manifest } = await write(engine, bytes, 16);
      const reader = (await readContent(engine, TENANT, manifest, 5, MiB - 9, { fleeting: true })).getReader();
      const pieces: Uint8Array[] = [];
      let at = 5;
      for (;;) {
        const { value, done } = await reader.read();
        // What the edges of the range cut is a part of a buffer, and Node keeps short results in one for many.
        const gone = pieces.slice(1).filter((before) => before.length === 0);
        if (done) {
          expect(gone.length).toBeGreaterThan(pieces.length - 4);
          break;
        }
        expect(same(value, bytes.subarray(at, at + value.length))).toBe(true);
        pieces.push(value);
        at += value.length;
      }
      expect(at).toBe(MiB - 4);
    }
  });

  it("S12: uploads that find nothing to spare send their parts one after the other", async () => {
    const engine = memoryEngine();
    const grants = [];
    for (let grant = engine.spare.take(MiB); grant !== null; grant = engine.spare.take(MiB)) grants.push(grant);
    const bytes = random(20 * MiB);
    const { manifest } = await write(engine, bytes, 18);
    expect(same(await read(engine, manifest, 0, bytes.length), bytes)).toBe(true);
    for (const grant of grants) grant.release();
    expect(same(await read(engine, manifest, 0, bytes.length), bytes)).toBe(true);
  });

  it("M9: a range near another one reads its block alone: the leaf is known", async () => {
    const engine = memoryEngine();
    const bytes = random(30 * MiB);
    const { manifest } = await write(engine, bytes);
    await read(engine, manifest, 20 * MiB, 1000);
    const { get } = engine.objects.calls;
    expect(same(await read(engine, manifest, 20 * MiB, 1000), bytes.subarray(20 * MiB, 20 * MiB + 1000))).toBe(true);
    expect(engine.objects.calls.get - get).toBe(1);
  });

  it("S1: five reads ahead at most, of 2 MiB at most, and none that nobody waits for", async () => {
    let under_way = 0;
    let most = 0;
    class Watched extends MemoryObjectStore {
      override async get(key: string, offset: number, length: number) {
        expect(length).toBeLessThanOrEqual(2 * MiB);
        most = Math.max(most, ++under_way);
        await new Promise((resolve) => setImmediate(resolve));
        under_way--;
        return super.get(key, offset, length);
      }
    }
    const engine = memoryEngine(new Watched());
    const bytes = random(32 * MiB);
    const { manifest } = await write(engine, bytes, 18);
    expect(same(await read(engine, manifest, 0, bytes.length), bytes)).toBe(true);
    expect(most).toBe(5);
    const calls = engine.objects.calls.get;
    const stream = await readContent(engine, TENANT, manifest, 0, bytes.length);
    expect(engine.objects.calls.get - calls).toBeLessThanOrEqual(7);
    await stream.cancel();
    expect(engine.objects.calls.get - calls).toBeLessThanOrEqual(7);
  });
});

describe("damage", { timeout: 60_000 }, () => {
  const bytes = Buffer.concat([text(200_000), random(300_000)]);
  let engine: MemoryEngine;
  let written: Written;
  beforeAll(async () => {
    engine = memoryEngine();
    // As one part among others, so that there are leaves.
    written = await write(engine, bytes, 14, false);
  });

  /** The same rows and objects in another isolate, which remembers no key. */
  const fresh = (): MemoryEngine => memoryEngine(engine.objects, engine.store);
  const stored = () => engine.objects.objects.get(packKey(TENANT, written.packs[0]!.pack_id))!;

  it("PK9, S3: any flipped byte of a pack ends a read with an error, and wrong bytes never come before it", async () => {
    const { pack_id, size } = written.packs[0]!;
    const blocks = await indexOfPack(engine, TENANT, pack_id, size);
    const data_end = blocks.reduce((sum, block) => sum + block.stored, 0);
    const check = async (at: number): Promise<void> => {
      stored().bytes[at]! ^= 1;
      try {
        const got: Buffer[] = [];
        const reading = (async () => {
          for await (const piece of await readContent(fresh(), TENANT, written.manifest, 0, bytes.length))
            got.push(Buffer.from(piece));
        })();
        if (at < data_end) await expect(reading, `byte ${at}`).rejects.toMatchObject({ code: "integrity_error" });
        else await reading;
        const whole = Buffer.concat(got);
        expect(same(whole, bytes.subarray(0, whole.length))).toBe(true);
        if (at >= data_end)
          await expect(indexOfPack(fresh(), TENANT, pack_id, size)).rejects.toMatchObject({ code: "integrity_error" });
      } finally {
        stored().bytes[at]! ^= 1;
      }
    };
    for (const { offset } of blocks.slice(-12)) for (const at of [offset - 1, offset]) await check(at);
    for (let at = data_end; at < size; at += Math.ceil((size - data_end) / 60)) await check(at);
    for (let at = size - 12; at < size; at++) await check(at);
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: size - 1 }), check), { numRuns: 60 });
  });

  it("M5, M8: any flipped letter of a manifest is an error", async () => {
    const { manifest } = written;
    for (let at = 0; at < manifest.length; at++) {
      const letter = manifest[at] === "A" ? "B" : "A";
      const wrong = manifest.slice(0, at) + letter + manifest.slice(at + 1);
      const error = await read(fresh(), wrong, 0, bytes.length).then(
        (got) => (same(got, bytes) ? "the same bytes" : "wrong bytes"),
        (e: { code: string }) => e.code,
      );
      // The last letters before the padding may hold bits that stand for nothing.
      expect(["integrity_error", "the same bytes"]).toContain(error);
      if (at < manifest.length - 4) expect(error).toBe("integrity_error");
    }
    for (const wrong of ["", "no base64 ?", btoa("short"), manifest.slice(4)])
      await expect(read(fresh(), wrong, 0, 1)).rejects.toMatchObject({ code: "integrity_error" });
  });

  it.each(["tenant", "key_version", "pack_key"])("PK8, K3: other metadata %s", async (name) => {
    const object = stored();
    engine.objects.objects.set(packKey(TENANT, written.packs[0]!.pack_id), {
      ...object,
      metadata: { ...object.metadata, [name]: "9" },
    });
    const reading = read(fresh(), written.manifest, 0, 10);
    // The tenant is for whoever finds the object; what opens it is bound to the tenant that asks.
    if (name === "tenant") expect((await reading).length).toBe(10);
    else await expect(reading).rejects.toMatchObject({ code: "integrity_error" });
    engine.objects.objects.set(packKey(TENANT, written.packs[0]!.pack_id), object);
  });

  it("PK6: another tenant's reader opens nothing", async () => {
    const other = fresh();
    const object = stored();
    engine.objects.objects.set(packKey(8, written.packs[0]!.pack_id), object);
    await other.keys.newPackKey(8, written.packs[0]!.pack_id);
    await expect(readContent(other, 8, written.manifest, 0, 10)).rejects.toMatchObject({ code: "integrity_error" });
    engine.objects.objects.delete(packKey(8, written.packs[0]!.pack_id));
  });

  it("S2, S3: a missing or shortened object, and a file that says to be longer than its manifest", async () => {
    const key = packKey(TENANT, written.packs[0]!.pack_id);
    const object = stored();
    engine.objects.objects.delete(key);
    await expect(readContent(fresh(), TENANT, written.manifest, 0, 10)).rejects.toMatchObject({
      code: "integrity_error",
    });
    engine.objects.objects.set(key, { ...object, bytes: object.bytes.slice(0, 50_000) });
    await expect(read(fresh(), written.manifest, 0, bytes.length)).rejects.toMatchObject({ code: "integrity_error" });
    engine.objects.objects.set(key, object);
    await expect(read(fresh(), written.manifest, 1, bytes.length)).rejects.toMatchObject({ code: "integrity_error" });
  });
});
