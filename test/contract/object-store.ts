/** What every `ObjectStore` promises to the engine: core/storage/ports.ts and docs/spec/storage.md. */
import { describe, expect, it } from "vitest";
import { type ObjectStore, StoreRefused } from "../../core/storage/ports.ts";

const PART = 5 * 1024 * 1024;

/** Bytes that differ from place to place. */
function bytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = (i * 31 + (i >> 8) * 7 + seed * 101) & 0xff;
  return out;
}

const METADATA = { tenant: "7", pack_key: "abc" };

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

export function objectStoreContract(name: string, open: () => ObjectStore): void {
  describe(`ObjectStore: ${name}`, () => {
    const key = (): string => `test/${crypto.randomUUID()}`;
    const read = async (store: ObjectStore, at: string, offset: number, length: number): Promise<Uint8Array> => {
      const object = await store.get(at, offset, length);
      if (object === null) throw new Error("there is no such object");
      expect(object.metadata).toEqual(METADATA);
      return object.bytes;
    };

    it("S1: any range of an object", async () => {
      const store = open();
      const [at, body] = [key(), bytes(1000)];
      await store.put(at, body, METADATA);
      const ranges: [number, number][] = [
        [0, 1000],
        [0, 1],
        [999, 1],
        [100, 300],
      ];
      for (const [offset, length] of ranges)
        expect(await read(store, at, offset, length)).toEqual(body.subarray(offset, offset + length));
    });

    it("S2: an object that is not there is null, and deleting it is no error", async () => {
      const store = open();
      expect(await store.get(key(), 0, 1)).toBeNull();
      await store.delete([key(), key()]);
    });

    it("a put keeps a copy: the buffer it came in is used again", async () => {
      const store = open();
      const [at, body] = [key(), bytes(100)];
      await store.put(at, body, METADATA);
      body.fill(0);
      expect(await read(store, at, 0, 100)).toEqual(bytes(100));
    });

    it("deletes several at once", async () => {
      const store = open();
      const keys = [key(), key()];
      for (const at of keys) await store.put(at, bytes(1), METADATA);
      await store.delete(keys);
      for (const at of keys) expect(await store.get(at, 0, 1)).toBeNull();
    });

    it("PK2: parts in any order make one object, which is not there before", async () => {
      const store = open();
      const at = key();
      const bodies = [bytes(PART, 1), bytes(PART, 2), bytes(7, 3)];
      const id = await store.createMultipart(at, METADATA);
      const parts: { part: number; etag: string }[] = [];
      for (const part of [3, 1, 2]) {
        const body = bodies[part - 1]!;
        parts.push({ part, etag: await store.uploadPart(at, id, part, body) });
      }
      expect(await store.get(at, 0, 1)).toBeNull();
      await store.completeMultipart(
        at,
        id,
        parts.toSorted((a, b) => a.part - b.part),
      );
      for (const [i, body] of bodies.entries())
        expect(isEqual(await read(store, at, i * PART, body.length), body)).toBe(true);
      // Across the seam of two parts.
      expect(await read(store, at, PART - 2, 4)).toEqual(
        new Uint8Array([...bodies[0]!.slice(-2), ...bodies[1]!.slice(0, 2)]),
      );
    });

    it("PK2: a part that is missing or was replaced is refused, and the right parts still complete", async () => {
      const store = open();
      const at = key();
      const id = await store.createMultipart(at, METADATA);
      const first = await store.uploadPart(at, id, 1, bytes(10, 1));
      const second = await store.uploadPart(at, id, 1, bytes(10, 2));
      for (const parts of [
        [{ part: 1, etag: first }],
        [
          { part: 1, etag: second },
          { part: 2, etag: first },
        ],
      ])
        await expect(store.completeMultipart(at, id, parts)).rejects.toThrow(StoreRefused);
      await store.completeMultipart(at, id, [{ part: 1, etag: second }]);
      expect(await read(store, at, 0, 10)).toEqual(bytes(10, 2));
    });

    it("parts of unequal sizes are refused", async () => {
      const store = open();
      const at = key();
      const id = await store.createMultipart(at, METADATA);
      const sizes = [PART, PART + 1, 5];
      const parts = [];
      for (const [i, size] of sizes.entries())
        parts.push({ part: i + 1, etag: await store.uploadPart(at, id, i + 1, bytes(size)) });
      await expect(store.completeMultipart(at, id, parts)).rejects.toThrow(StoreRefused);
      await store.abortMultipart(at, id);
    });

    it("S2: behind the end there is nothing, across it there is less", async () => {
      const store = open();
      const at = key();
      await store.put(at, bytes(100), METADATA);
      expect(await store.get(at, 100, 1)).toBeNull();
      expect(await read(store, at, 90, 20)).toEqual(bytes(100).subarray(90));
    });

    it("S1: the bytes of a read have their buffer to themselves", async () => {
      const store = open();
      const at = key();
      await store.put(at, bytes(100), METADATA);
      const read = (await store.get(at, 20, 30))!;
      expect([read.bytes.byteOffset, read.bytes.buffer.byteLength]).toEqual([0, 30]);
    });

    it("U12: lists what begins so, and no upload under way", async () => {
      const store = open();
      const [at, other] = [key(), key()];
      await store.put(`${at}1`, bytes(1), METADATA);
      await store.put(`${at}2`, bytes(1), METADATA);
      await store.put(other, bytes(1), METADATA);
      await store.createMultipart(`${at}3`, METADATA);
      expect((await store.list(at)).toSorted()).toEqual([`${at}1`, `${at}2`]);
    });

    it("S4: a completion again, after its answer was lost, counts as done", async () => {
      const store = open();
      const at = key();
      const id = await store.createMultipart(at, METADATA);
      const parts = [{ part: 1, etag: await store.uploadPart(at, id, 1, bytes(10)) }];
      await store.completeMultipart(at, id, parts);
      await store.completeMultipart(at, id, parts);
      expect(await read(store, at, 0, 10)).toEqual(bytes(10));
    });

    it("an upload that was aborted takes no part and makes no object; aborting again is no error", async () => {
      const store = open();
      const at = key();
      const id = await store.createMultipart(at, METADATA);
      const etag = await store.uploadPart(at, id, 1, bytes(10));
      for (const _ of [1, 2]) await store.abortMultipart(at, id);
      await expect(store.uploadPart(at, id, 2, bytes(10))).rejects.toThrow(StoreRefused);
      await expect(store.completeMultipart(at, id, [{ part: 1, etag }])).rejects.toThrow(StoreRefused);
      expect(await store.get(at, 0, 1)).toBeNull();
    });
  });
}
