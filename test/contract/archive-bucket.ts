/** What every `ArchiveBucket` promises. docs/spec/tiers.md, TI15. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { describe, expect, it } from "vitest";
import type { ArchiveBucket, Moving } from "../../core/tiers/ports.ts";

const METADATA = { tenant: "7", key_version: "1", pack_key: "abc+/=" };

async function moving(bytes: Uint8Array<ArrayBuffer>): Promise<Moving> {
  const md5 = bytesToHex(new Uint8Array(await crypto.subtle.digest("MD5", bytes)));
  return { body: new Blob([bytes]).stream(), size: bytes.length, metadata: METADATA, md5 };
}

const bytesOf = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);

export function archiveBucketContract(name: string, open: () => ArchiveBucket): void {
  describe(`ArchiveBucket: ${name}`, () => {
    const key = (): string => `7/${crypto.randomUUID().replaceAll("-", "")}`;

    it("TI15: takes an object whole, with what it says of itself, and gives it back", async () => {
      const bucket = open();
      const [at, bytes] = [key(), bytesOf(300_000)];
      expect(await bucket.has(at, bytes.length)).toBe(false);
      const sent = await moving(bytes);
      await bucket.put(at, sent);
      expect([await bucket.has(at, bytes.length), await bucket.has(at, 1)]).toEqual([true, false]);
      const taken = (await bucket.take(at))!;
      expect({ ...taken, body: null }).toEqual({ ...sent, body: null });
      expect(new Uint8Array(await new Response(taken.body).arrayBuffer())).toEqual(bytes);
    });

    it("BK16: lists what begins alike, by key, from anywhere on", async () => {
      const bucket = open();
      const prefix = `${crypto.randomUUID()}/`;
      const keys = ["a", "b", "d"].map((name) => prefix + name);
      for (const at of [...keys.toReversed(), key()]) await bucket.put(at, await moving(bytesOf(at.length)));
      // The server of the tests breaks where it would have to cut a list.
      const { objects, next } = await bucket.list(prefix, "", 10);
      expect(next).toBeNull();
      expect(objects.map(({ key: at, size }) => `${at} ${size}`)).toEqual(keys.map((at) => `${at} ${at.length}`));
      expect(objects.every(({ uploaded_at }) => uploaded_at > 0)).toBe(true);
      expect((await bucket.list(prefix, keys[0] as string, 10)).objects).toEqual(objects.slice(1));
      expect(await bucket.list(key(), "", 10)).toEqual({ objects: [], next: null });
    });

    it("S1, S2: any range of it, less across its end, null behind it and where there is nothing", async () => {
      const bucket = open();
      const at = key();
      await bucket.put(at, await moving(bytesOf(1000)));
      const ranges = [
        [0, 1000],
        [999, 1],
        [100, 300],
        [990, 20],
      ] as const;
      for (const [offset, length] of ranges)
        expect(await bucket.get(at, offset, length)).toEqual({
          bytes: bytesOf(1000).slice(offset, offset + length),
          metadata: METADATA,
        });
      expect(await bucket.get(at, 1000, 1)).toBeNull();
      expect([await bucket.get(key(), 0, 1), await bucket.take(key())]).toEqual([null, null]);
    });

    it("TI15: bytes that are not those that were said are an error", async () => {
      const bucket = open();
      const wrong = { ...(await moving(bytesOf(100))), md5: "0".repeat(32) };
      await expect(bucket.put(key(), wrong)).rejects.toThrow();
    });

    it("TI20: deletes many at once; what is not there is no error", async () => {
      const bucket = open();
      const keys = Array.from({ length: 3 }, key);
      for (const at of keys) await bucket.put(at, await moving(bytesOf(1)));
      await bucket.delete([...keys, key()]);
      for (const at of keys) expect(await bucket.has(at, 1)).toBe(false);
      await bucket.delete([]);
    });
  });
}
