import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryEngine, type MemoryEngine } from "../../test/support/memory/engine.ts";
import { BlockReader } from "../storage/block-reader.ts";
import { PackSeries, writeRoot } from "../storage/write.ts";
import { addLeaves, packsOf, spanOf } from "./leaves.ts";
import { decodeNode, encodeNode, type Entry, type Node } from "./node.ts";
import { formatNode, joinNodes, parseText, ROOT_MAX } from "./root.ts";

const UPLOAD = "0192f0c0-0000-8000-8000-000000000001";
const packName = (n: number): string => n.toString(16).padStart(48, "0");

const entry = fc.record({
  kind: fc.constantFrom<"data" | "leaf">("data", "leaf"),
  hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  length: fc.integer({ min: 1, max: 2 ** 23 }),
  saved: fc.double({ min: 0, max: 0.9, noNaN: true }),
  span: fc.integer({ min: 0, max: 2 ** 40 }),
  pack: fc.nat(4),
  index: fc.nat(5000),
  offset: fc.nat(2 ** 26),
});

const entries = fc.array(entry, { maxLength: 60 }).map((list) =>
  list.map(({ kind, hash, length, saved, span, pack, index, offset }): Entry => {
    const stored = Math.max(1, Math.floor(length * (1 - saved))) + 16;
    return {
      kind,
      hash,
      length,
      stored,
      span: kind === "data" ? length : span,
      pack_id: packName(pack),
      index,
      offset,
    };
  }),
);

const rootOf = (list: Entry[]): Node => ({
  kind: "root",
  bits: 16,
  size: spanOf(list),
  packs: packsOf(list),
  entries: list,
});

/** Data entries as they follow each other in one pack. */
function neighbours(count: number, pack_id = packName(1)): Entry[] {
  let offset = 0;
  return Array.from({ length: count }, (_, index): Entry => {
    const hash = crypto.getRandomValues(new Uint8Array(32));
    const at = offset;
    offset += 65_552;
    return { kind: "data", hash, length: 65_536, stored: 65_552, span: 65_536, pack_id, index, offset: at };
  });
}

const shown = ({ hash, ...rest }: Entry): string =>
  `${Buffer.from(hash).toString("hex")} ${rest.kind} ${rest.pack_id} ${rest.index} ${rest.offset} ${rest.stored} ${rest.span}`;

async function stored(engine: MemoryEngine, root: Node): Promise<{ text: string; packs: number }> {
  const series = new PackSeries(engine, 7, UPLOAD);
  const text = await writeRoot(series, root);
  return { text, packs: series.finished.length };
}

describe("manifests", () => {
  it("M2, M3: any node comes back as it was", () => {
    fc.assert(
      fc.property(entries, (list) => {
        expect(decodeNode(encodeNode(rootOf(list)))).toEqual(rootOf(list));
      }),
    );
  });

  it("M8: no bytes that were cut or changed make anything but a node or an integrity_error", () => {
    fc.assert(
      fc.property(entries, fc.nat(), fc.nat(255), (list, at, value) => {
        const bytes = encodeNode(rootOf(list)).slice();
        const failures = [bytes.subarray(0, at % bytes.length), Uint8Array.from([...bytes, value])];
        for (const wrong of failures)
          expect(() => decodeNode(wrong)).toThrow(expect.objectContaining({ code: "integrity_error" }));
        bytes[at % bytes.length] = value;
        try {
          const node = decodeNode(bytes);
          expect(spanOf(node.entries)).toBe(node.size);
        } catch (error) {
          expect(error).toMatchObject({ code: "integrity_error" });
        }
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => decodeNode(bytes)).toThrow(expect.objectContaining({ code: "integrity_error" }));
      }),
    );
  });

  it("M1: a leaf below a leaf is damage", () => {
    const [first] = neighbours(1);
    const leaf: Entry = { ...first!, kind: "leaf", span: 10 };
    const node: Node = { kind: "leaf", bits: 16, size: 10, packs: packsOf([leaf]), entries: [leaf] };
    expect(() => decodeNode(encodeNode(node))).toThrow("a leaf below a leaf");
  });

  it("M3: an entry behind its neighbour takes 39 bytes, so a 5 MB file's root fits its row", () => {
    const bytes = encodeNode(rootOf(neighbours(80)));
    expect(bytes.length).toBeLessThan(80 * 39 + 48);
    expect(bytes.length).toBeLessThan(ROOT_MAX);
  });

  it("M5: short roots lie in the row; longer ones get leaves, then a root block", async () => {
    const engine = memoryEngine();
    const reader = new BlockReader(engine, 7);
    for (const [count, packs, kinds] of [
      [0, 0, []],
      [250, 0, ["data"]],
      [5000, 1, ["leaf"]],
    ] as const) {
      const root = rootOf(neighbours(count));
      const { text, packs: made } = await stored(engine, root);
      expect(text.length).toBeLessThanOrEqual((4 / 3) * (ROOT_MAX + 20));
      expect(made).toBe(packs);
      const parsed = await reader.root(text);
      expect([parsed.size, ...new Set(parsed.entries.map((e) => e.kind))]).toEqual([root.size, ...kinds]);
      const data: Entry[] = [];
      for await (const { entry } of reader.data(parsed, 0, parsed.size)) data.push(entry);
      expect(data.map(shown).join("\n") === root.entries.map(shown).join("\n")).toBe(true);
    }
    // 10,000 packs, as the largest file has.
    const huge = joinNodes(
      20,
      Array.from({ length: 10_000 }, (_, i) => rootOf(neighbours(1, packName(i)))),
    );
    const { text, packs } = await stored(engine, huge);
    expect(packs).toBe(1);
    expect((await parseText(text)).kind).toBe("pointer");
    const parsed = await reader.root(text);
    expect(parsed.packs.length, "M4: the packs of the data and of the leaves").toBe(10_001);
    expect(parsed.size).toBe(huge.size);
  });

  it("M5: a root that no reader would take is not written", { timeout: 60_000 }, async () => {
    const leaf: Entry = { ...neighbours(1)[0]!, kind: "leaf" };
    await expect(stored(memoryEngine(), rootOf(Array.from({ length: 200_000 }, () => leaf)))).rejects.toMatchObject({
      code: "invalid_request",
    });
  });

  it("M6: a changed entry changes the leaves next to it only", async () => {
    const engine = memoryEngine();
    const series = new PackSeries(engine, 7, UPLOAD);
    const pack = await series.open(null);
    const before = neighbours(3000);
    const after = before.with(1500, { ...before[1500]!, hash: crypto.getRandomValues(new Uint8Array(32)) });
    const hashes = async (list: Entry[]) =>
      (await addLeaves(pack, 16, list)).map((leaf) => Buffer.from(leaf.hash).toString("hex"));
    const [old, now] = [await hashes(before), await hashes(after)];
    expect(old.length).toBeGreaterThan(3000 / 192);
    expect(old.length).toBeLessThan(3000 / 48 + 1);
    expect(now.filter((hash) => !old.includes(hash)).length).toBeLessThanOrEqual(2);
  });

  it("M8: a pointer to another content's root, and a leaf that stands for something else", async () => {
    const engine = memoryEngine();
    const reader = new BlockReader(engine, 7);
    const { text } = await stored(engine, rootOf(neighbours(5000)));
    const root = await reader.root(text);
    const [a, b, ...rest] = root.entries as [Entry, Entry, ...Entry[]];
    const swapped = { ...root, entries: [{ ...a, span: b.span }, { ...b, span: a.span }, ...rest] };
    const read = async (node: Node): Promise<void> => {
      const parsed = await reader.root(await formatNode(node));
      for await (const _ of reader.data(parsed, 0, parsed.size));
    };
    await expect(
      read(a.span === b.span ? { ...root, entries: [{ ...a, kind: "data", span: a.length }] } : swapped),
    ).rejects.toMatchObject({
      code: "integrity_error",
    });
    await expect(read({ ...root, kind: "pointer", entries: [a] })).rejects.toMatchObject({ code: "integrity_error" });
  });
});
