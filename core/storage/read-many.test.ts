import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryEngine, type MemoryEngine, piecesOf } from "../../test/support/memory/engine.ts";
import { formatRoot } from "../manifests/root.ts";
import { packKey } from "../packs/format.ts";
import { readMany, type WantedContent } from "./read-many.ts";
import { PackSeries, writeBlocks, writeRoot } from "./write.ts";

const TENANT = 7;
const UPLOAD = "0192f0c0-0000-8000-8000-000000000001";
const random = (length: number): Uint8Array => randomFillSync(new Uint8Array(length));

async function store(engine: MemoryEngine, bytes: Uint8Array) {
  const series = new PackSeries(engine, TENANT, UPLOAD);
  const root = await writeBlocks(series, piecesOf(bytes), { bits: 14, size: bytes.length, whole: true });
  return { manifest: await writeRoot(series, root), size: bytes.length, root, packs: series.finished };
}

async function readAll(engine: MemoryEngine, wanted: WantedContent<number>[]): Promise<Map<number, Buffer>> {
  const found = new Map<number, Buffer>();
  for await (const { key, bytes } of readMany(engine, TENANT, wanted)) {
    expect(found.has(key)).toBe(false);
    found.set(key, Buffer.from(bytes));
  }
  return found;
}

describe("many small contents", { timeout: 60_000 }, () => {
  it("S16: each comes once and whole, also the same ones twice, and empty ones", async () => {
    const engine = memoryEngine();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(100_000), { maxLength: 8 }),
        fc.array(fc.nat(7), { maxLength: 8 }),
        async (lengths, again) => {
          const bodies = lengths.map(random);
          const stored = await Promise.all(bodies.map((bytes) => store(engine, bytes)));
          const order = [...stored.keys(), ...again.filter((i) => i < stored.length)];
          const before = engine.objects.calls.get;
          const found = await readAll(
            engine,
            order.map((i, key) => ({ key, ...stored[i]! })),
          );
          expect(found.size).toBe(order.length);
          for (const [key, i] of order.entries()) expect(Buffer.compare(found.get(key)!, bodies[i]!)).toBe(0);
          expect(engine.objects.calls.get - before).toBeLessThanOrEqual(lengths.length);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("S16: what lies side by side in one pack is one read, in whatever order it is asked for", async () => {
    const engine = memoryEngine();
    const whole = random(300_000);
    const { root } = await store(engine, whole);
    expect(root.entries.length).toBeGreaterThan(4);
    let start = 0;
    const wanted = await Promise.all(
      root.entries.map(async (entry, key) => {
        const manifest = await formatRoot({ ...root, size: entry.span, entries: [entry] }, () => Promise.reject());
        const bytes = whole.subarray(start, (start += entry.span));
        return { key, manifest, size: entry.span, bytes };
      }),
    );
    const before = engine.objects.calls.get;
    const found = await readAll(
      engine,
      wanted.toSorted((a, b) => (a.key % 2) - (b.key % 2) || b.key - a.key),
    );
    expect(engine.objects.calls.get - before).toBe(1);
    for (const { key, bytes } of wanted) expect(Buffer.compare(found.get(key)!, bytes)).toBe(0);
  });

  it("S16: what cannot be read is missing, and holds up no other", async () => {
    const engine = memoryEngine();
    const bodies = Array.from({ length: 4 }, () => random(50_000));
    const stored = await Promise.all(bodies.map((bytes) => store(engine, bytes)));
    const keyOf = (i: number): string => packKey(TENANT, stored[i]!.packs[0]!.pack_id);
    engine.objects.objects.get(keyOf(1))!.bytes[100]! ^= 1;
    engine.objects.objects.delete(keyOf(2));
    const wanted = stored.map((content, key) => ({ key, ...content }));
    wanted.push({ ...wanted[0]!, key: 4, manifest: `${wanted[0]!.manifest.slice(0, -4)}AAAA` });
    const found = await readAll(engine, wanted);
    expect([...found.keys()].toSorted()).toEqual([0, 3]);
    for (const [key, bytes] of found) expect(Buffer.compare(bytes, bodies[key]!)).toBe(0);
  });
});
