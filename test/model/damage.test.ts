/** Any byte of any stored object and of any manifest changed: a clear failure, never other bytes, never a wait without end. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { DriveError } from "../../core/protocol/errors.ts";
import { addLeaves, packsOf, spanOf } from "../../core/manifests/leaves.ts";
import { dataEntry, type Entry, type Node } from "../../core/manifests/node.ts";
import { formatNode, joinNodes, parseText } from "../../core/manifests/root.ts";
import { packKey } from "../../core/packs/format.ts";
import { indexOfPack } from "../../core/packs/index-of.ts";
import type { FinishedPack } from "../../core/packs/writer.ts";
import { BlockReader } from "../../core/storage/block-reader.ts";
import { readContent } from "../../core/storage/read.ts";
import { PackSeries, writeRoot } from "../../core/storage/write.ts";
import { memoryEngine, type MemoryEngine, same } from "../support/memory/engine.ts";
import type { MemoryObjectStore } from "../support/memory/object-store.ts";
import { numbers, seededCrypto } from "./seeded-crypto.ts";

const UPLOAD = "0192f0c0-0000-8000-8000-000000000001";
/** Reads of one download of what is stored here, and some: more is a loop. */
const READS_MAX = 1_500;

interface Stored {
  engine: MemoryEngine;
  bytes: Uint8Array;
  manifest: string;
  packs: FinishedPack[];
}

/** Blocks far shorter than the cutter makes them, so that there are many in few bytes; half of them compress. */
function blockOf(seed: number): Uint8Array {
  const next = numbers(seed);
  return Uint8Array.from({ length: 60 + (seed % 40) }, () => (seed % 2 === 0 ? next() : 7));
}

/** A content of some packs of some blocks each; `leaves` puts the blocks of a pack into leaves. */
async function store(pack_count: number, block_count: number, leaves: boolean, tenant = 7): Promise<Stored> {
  const engine = memoryEngine();
  const series = new PackSeries(engine, tenant, UPLOAD);
  const nodes: Node[] = [];
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < pack_count; i++) {
    const pack = await series.open(null);
    const entries: Entry[] = [];
    for (let j = 0; j < block_count; j++) {
      const block = blockOf(i * block_count + j + 1);
      entries.push(dataEntry(await pack.add("data", block)));
      pieces.push(block);
    }
    const packs = packsOf(entries);
    const below = leaves ? await addLeaves(pack, 14, entries) : entries;
    await series.finish(pack);
    nodes.push({ kind: "root", bits: 14, size: spanOf(entries), packs, entries: below });
  }
  const manifest = await writeRoot(series, joinNodes(14, nodes));
  return { engine, bytes: Buffer.concat(pieces), manifest, packs: series.finished };
}

/** A place in the content that cannot be read without that block of that pack. */
async function placesOf({ engine, manifest, bytes }: Stored): Promise<(pack_id: string, index: number) => number> {
  const reader = new BlockReader(engine, 7);
  const root = await reader.root(manifest);
  const places = new Map<string, number>();
  let at = 0;
  for (const entry of root.entries) {
    places.set(`${entry.pack_id} ${entry.index}`, at);
    at += entry.span;
  }
  for await (const { entry, start } of reader.data(root, 0, bytes.length))
    places.set(`${entry.pack_id} ${entry.index}`, start);
  // What is left is the root: it is read for any place.
  return (pack_id, index) => places.get(`${pack_id} ${index}`) ?? 0;
}

/** What a reader of another process gets: all of it, or why not. @returns `whole`, or the error's code */
async function outcome(
  { engine, bytes }: Stored,
  manifest: string,
  { tenant = 7, offset = 0, length = bytes.length } = {},
): Promise<string> {
  const fresh = memoryEngine(engine.objects, engine.store);
  const before = engine.objects.calls.get;
  const wanted = bytes.subarray(offset, offset + length);
  const got: Uint8Array[] = [];
  try {
    for await (const piece of await readContent(fresh, tenant, manifest, offset, length)) got.push(piece.slice());
  } catch (error) {
    const whole = Buffer.concat(got);
    if (!same(whole, wanted.subarray(0, whole.length))) return "wrong bytes before the error";
    return error instanceof DriveError ? error.code : String(error);
  } finally {
    if (engine.objects.calls.get - before > READS_MAX) expect.unreachable("reads without end");
  }
  return same(Buffer.concat(got), wanted) ? "whole" : "wrong bytes";
}

const objectOf = (objects: MemoryObjectStore, pack_id: string, tenant = 7) =>
  objects.objects.get(packKey(tenant, pack_id))!;

beforeAll(() => void vi.stubGlobal("crypto", seededCrypto(5)));
afterAll(() => void vi.unstubAllGlobals());

describe.each([
  ["a root in its row", 3, 4, false],
  ["leaves", 2, 40, true],
  ["a root block", 600, 1, false],
] as const)("%s", (name, pack_count, block_count, leaves) => {
  let stored: Stored;
  beforeAll(async () => {
    stored = await store(pack_count, block_count, leaves);
    expect(await outcome(stored, stored.manifest)).toBe("whole");
  });

  it("PK9, S3: every byte of every pack", async () => {
    const { engine, manifest, packs } = stored;
    const placeOf = await placesOf(stored);
    // Of hundreds that are alike some, and those with the leaves and the root.
    const some = packs.length > 10 ? [...packs.slice(0, 3), ...packs.slice(pack_count)] : packs;
    for (const { pack_id, size } of some) {
      const { bytes } = objectOf(engine.objects, pack_id);
      const blocks = await indexOfPack(engine, 7, pack_id, size);
      for (let at = 0; at < size; at++) {
        // Of the long pack of leaves and root each fifth, and all near its ends.
        if (size > 15_000 && at % 5 !== 0 && at > 200 && at < size - 400) continue;
        bytes[at]! ^= 1 << (at % 8);
        const block = blocks.find(({ offset, stored }) => at < offset + stored);
        const where = `${name}, byte ${at} of ${size}`;
        if (block !== undefined) {
          const offset = placeOf(pack_id, block.index);
          expect(await outcome(stored, manifest, { offset, length: 1 }), where).toBe("integrity_error");
          if (at % 97 === 0) expect(await outcome(stored, manifest), where).toBe("integrity_error");
        } else {
          // The footer, which a download does not read.
          const fresh = memoryEngine(engine.objects, engine.store);
          const said = await indexOfPack(fresh, 7, pack_id, size).then(
            () => "opened",
            (error: { code: string }) => error.code,
          );
          expect(said, where).toBe("integrity_error");
        }
        bytes[at]! ^= 1 << (at % 8);
      }
    }
    expect(await outcome(stored, manifest)).toBe("whole");
  }, 120_000);

  it("M5, M8: every letter of the manifest", async () => {
    const { manifest } = stored;
    for (let at = 0; at < manifest.length; at++) {
      const letter = manifest[at] === "A" ? "B" : "A";
      const said = await outcome(stored, manifest.slice(0, at) + letter + manifest.slice(at + 1));
      // The last letters may hold bits that stand for nothing.
      if (at < manifest.length - 4) expect(said, `letter ${at}`).toBe("integrity_error");
      else expect(["integrity_error", "whole"]).toContain(said);
    }
    for (const wrong of ["", "no base64 ?", manifest.slice(0, -8), manifest.slice(4), manifest + manifest])
      expect(await outcome(stored, wrong)).toBe("integrity_error");
  }, 120_000);

  it("M8: a manifest that lies, under a right checksum, in any of its bytes", async () => {
    const node = Buffer.from(stored.manifest, "base64").subarray(0, -16);
    // Of long manifests some bytes: all their entries are alike.
    const step = Math.ceil(node.length / 300);
    for (let at = 0; at < node.length; at += step)
      for (const value of [node[at]! ^ 1, node[at]! ^ 128, 255, 0]) {
        const lie = Uint8Array.from(node);
        lie[at] = value;
        const check = new Uint8Array(await crypto.subtle.digest("SHA-256", lie)).subarray(0, 16);
        const said = await outcome(stored, Buffer.concat([lie, check]).toString("base64"));
        expect(["integrity_error", "whole"], `byte ${at} as ${value}`).toContain(said);
      }
  }, 120_000);

  it("PK6, S2: objects that are shorter, missing, empty, swapped, or of another tenant", async () => {
    const { engine, manifest, packs } = stored;
    const { objects } = engine.objects;
    const [first, second] = [packKey(7, packs[0]!.pack_id), packKey(7, packs[1]!.pack_id)];
    const [one, two] = [objects.get(first)!, objects.get(second)!];
    const other = await store(pack_count, block_count, leaves, 8);
    const foreign = objectOf(other.engine.objects, other.packs[0]!.pack_id, 8);
    const used = (await indexOfPack(engine, 7, packs[0]!.pack_id, packs[0]!.size)).reduce((n, b) => n + b.stored, 0);
    const wrong = [
      { ...one, bytes: one.bytes.slice(0, used - 1) },
      { ...one, bytes: one.bytes.slice(1) },
      { ...one, bytes: new Uint8Array(0) },
      { ...one, metadata: {} },
      { ...one, metadata: two.metadata },
      { ...two, metadata: one.metadata },
      two,
      foreign,
      { ...foreign, metadata: one.metadata },
      null,
    ];
    for (const [i, object] of wrong.entries()) {
      if (object === null) objects.delete(first);
      else objects.set(first, object);
      expect(await outcome(stored, manifest), `case ${i}`).toBe("integrity_error");
      objects.set(first, one);
    }
    // What is another tenant's opens for nobody, not even under its own name.
    for (const pack of packs) objects.set(packKey(8, pack.pack_id), objectOf(engine.objects, pack.pack_id));
    await memoryEngine(engine.objects, engine.store).keys.newPackKey(8, packs[0]!.pack_id);
    expect(await outcome(stored, manifest, { tenant: 8 })).toBe("integrity_error");
    expect(await outcome(stored, manifest)).toBe("whole");
  });
});

describe("manifests that cannot be", () => {
  it("M1, M8: leaves that are data, pointers that point to data or to a pointer, sizes without end", async () => {
    const stored = await store(2, 100, true);
    const root = await parseText(stored.manifest);
    const [leaf] = root.entries;
    const whole = await store(600, 1, false);
    const pointer = await parseText(whole.manifest);
    expect([root.kind, leaf!.kind, pointer.kind]).toEqual(["root", "leaf", "pointer"]);
    const small = await parseText((await store(3, 4, false)).manifest);
    const [data] = small.entries;
    for (const [of, node] of [
      [stored, { ...root, entries: [{ ...leaf!, kind: "data", span: leaf!.length }, ...root.entries.slice(1)] }],
      [stored, { ...root, entries: root.entries.slice(1), size: root.size - leaf!.span }],
      [stored, { ...root, kind: "pointer", entries: [leaf!] }],
      [stored, { ...root, entries: [{ ...leaf!, span: 2 ** 52 }], size: 2 ** 52 }],
      [whole, { ...pointer, kind: "root", entries: [{ ...pointer.entries[0]!, kind: "leaf" }] }],
      [whole, { ...pointer, entries: [{ ...pointer.entries[0]!, index: 0, offset: 0 }] }],
      [
        stored,
        { ...small, size: stored.bytes.length, entries: [{ ...data!, kind: "leaf", span: stored.bytes.length }] },
      ],
    ] as [Stored, typeof root][]) {
      const said = await formatNode(node).then((text) => outcome(of, text));
      expect(said).toBe("integrity_error");
    }
  });
});
