import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryObjectStore } from "../../test/support/memory/object-store.ts";
import { type Extent, formatManifest, parseManifest, slice } from "./manifest.ts";
import { readContent } from "./read.ts";

const extents = fc.array(
  fc.record({ key: fc.constantFrom("a", "b"), offset: fc.nat(50), length: fc.integer({ min: 1, max: 20 }) }),
  { maxLength: 8 },
);

/** Every byte of a content by its address: slow, and plainly right. */
const addresses = (list: Extent[]): string[] =>
  list.flatMap(({ key, offset, length }) => Array.from({ length }, (_, i) => `${key}${offset + i}`));

describe("manifests", () => {
  it("M1, M2: what is written is read again, byte for byte, with neighbours joined", () => {
    fc.assert(
      fc.property(extents, (list) => {
        const read = parseManifest(formatManifest(list));
        expect(addresses(read)).toEqual(addresses(list));
        for (const [i, next] of read.slice(1).entries()) {
          const last = read[i]!;
          expect(last.key === next.key && last.offset + last.length === next.offset).toBe(false);
        }
      }),
    );
  });

  it("S4: a slice is those bytes and no others", () => {
    fc.assert(
      fc.property(extents, fc.nat(200), fc.nat(200), (list, offset, length) => {
        expect(addresses(slice(list, offset, length))).toEqual(addresses(list).slice(offset, offset + length));
      }),
    );
  });

  it.each([
    "",
    "{}",
    "null",
    '{"v":2,"extents":[]}',
    '{"v":1}',
    '{"v":1,"extents":[{"key":"a","offset":-1,"length":1}]}',
    '{"v":1,"extents":[{"key":"a","offset":0,"length":0}]}',
  ])("M3: %s is damage", (text) => expect(() => parseManifest(text)).toThrow());
});

describe("reading", () => {
  const MiB = 1024 * 1024;
  const bytes = Uint8Array.from({ length: 20 * MiB }, (_, i) => (i * 7 + (i >> 12)) & 0xff);
  const whole: Extent[] = [{ key: "whole", offset: 0, length: bytes.length }];

  const storeWith = async (length = bytes.length): Promise<MemoryObjectStore> => {
    const store = new MemoryObjectStore();
    await store.put("whole", bytes.subarray(0, length));
    return store;
  };
  const collect = async (body: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
    new Uint8Array(await new Response(body).arrayBuffer());
  const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

  it.each([
    [0, 0],
    [0, 1],
    [0, 20 * MiB],
    [8 * MiB - 1, 2],
    [8 * MiB, 8 * MiB],
    [5, 17 * MiB],
    [20 * MiB - 1, 1],
  ])("S4: %i, %i bytes", async (offset, length) => {
    const body = await readContent(await storeWith(), whole, offset, length);
    expect(isSame(await collect(body), bytes.subarray(offset, offset + length))).toBe(true);
  });

  it("S5: an object that is missing or short ends the transfer with an error, never as a shorter success", async () => {
    const read = async (store: MemoryObjectStore): Promise<Uint8Array> =>
      collect(await readContent(store, whole, 0, bytes.length));
    await expect(read(new MemoryObjectStore())).rejects.toThrow();
    await expect(read(await storeWith(20 * MiB - 1))).rejects.toThrow();
    await expect(read(await storeWith(9 * MiB))).rejects.toThrow();
  });

  it("S4: reads no more than three segments ahead of who takes the bytes", async () => {
    const store = await storeWith();
    let asked = 0;
    const counting = new Proxy(store, {
      get: (target, name) =>
        name === "get"
          ? (...args: Parameters<typeof store.get>) => ((asked += 1), target.get(...args))
          : Reflect.get(target, name),
    });
    const many: Extent[] = Array.from({ length: 40 }, () => ({ key: "whole", offset: 0, length: 100 }));
    const reader = (await readContent(counting, many, 0, 4000)).getReader();
    expect(asked).toBeLessThanOrEqual(3);
    await reader.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBeLessThanOrEqual(5);
    await reader.cancel();
    expect(asked).toBeLessThanOrEqual(5);
  });
});
