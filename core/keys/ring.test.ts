import { describe, expect, it } from "vitest";
import {
  MASTER_KEYS,
  memoryEngine,
  MemoryKeyCopies,
  MemoryKeys,
  memoryKeys,
} from "../../test/support/memory/engine.ts";
import { parseMasterKeys } from "./masters.ts";
import type { TenantKeyRow } from "./ports.ts";
import { readTenantKeys } from "./read-back.ts";
import { KeyRing } from "./ring.ts";
import { newTenantKey, rewrapTenantKey } from "./tenant-key.ts";
import { importKey, newKeyBytes, tenantKeyData, wrapKey } from "./wrap.ts";

const PACK = "0b".repeat(24);
const master = (version: string, letter: string): string => `${version}:${btoa(letter.repeat(32))}`;
const ring = (text: string, store: MemoryKeys, now = () => 0, copies = new MemoryKeyCopies()): KeyRing =>
  new KeyRing(memoryKeys({ text, store, copies, now }));

async function same(a: CryptoKey, b: CryptoKey): Promise<boolean> {
  const params = { name: "AES-GCM", iv: new Uint8Array(12) };
  const sealed = await crypto.subtle.encrypt(params, a, new Uint8Array(8));
  return crypto.subtle.decrypt(params, b, sealed).then(
    () => true,
    () => false,
  );
}

describe("keys", () => {
  it.each([
    "",
    "v1",
    "v1:abc",
    `1:${btoa("m".repeat(32))}`,
    `v1:${btoa("m".repeat(31))}`,
    `${master("v1", "a")},${master("v1", "b")}`,
  ])("K1: %j is refused, and its value not repeated", (text) => {
    expect(() => parseMasterKeys(text)).toThrow();
    try {
      parseMasterKeys(text);
    } catch (error) {
      expect(String(error)).not.toContain(btoa("m".repeat(10)).slice(0, 12));
    }
  });

  it("K1: the last master wraps, the ones before still unwrap; one that is gone is named", async () => {
    const store = new MemoryKeys();
    const old = await ring(master("v1", "a"), store).newPackKey(7, PACK);
    const both = ring(`${master("v1", "a")},${master("v2", "b")}`, store);
    expect(await same(old.key, await both.packKey(7, PACK, old.metadata))).toBe(true);
    await both.newPackKey(8, PACK);
    expect(store.rows.map((row) => row.master_version)).toEqual(["v1", "v2"]);
    await expect(ring(master("v2", "b"), store).packKey(7, PACK, old.metadata)).rejects.toThrow("master key v1");
  });

  it("K2: two that make a tenant's first key at once end with the same", async () => {
    const store = new MemoryKeys();
    const copies = new MemoryKeyCopies();
    const rings = [1, 2].map(() => ring(master("v1", "a"), store, () => 0, copies));
    store.newest = async () => null;
    const made = await Promise.all(rings.map((r) => r.newPackKey(7, PACK)));
    expect(store.rows).toEqual(copies.rows);
    for (const { key, metadata } of made)
      expect(await same(key, await ring(master("v1", "a"), store).packKey(7, PACK, metadata))).toBe(true);
  });

  it("K3: a pack's key opens for its own tenant, version and name only", async () => {
    const { keys } = memoryEngine();
    const { key, metadata } = await keys.newPackKey(7, PACK);
    await keys.newPackKey(8, PACK);
    await expect(keys.packKey(8, PACK, metadata)).rejects.toMatchObject({ code: "integrity_error" });
    await expect(keys.packKey(7, "0c".repeat(24), metadata)).rejects.toMatchObject({ code: "integrity_error" });
    for (const wrong of [
      {},
      { ...metadata, key_version: "2" },
      { ...metadata, key_version: "x" },
      { ...metadata, pack_key: "?" },
    ])
      await expect(keys.packKey(7, PACK, wrong)).rejects.toMatchObject({ code: "integrity_error" });
    expect(await same(key, await keys.packKey(7, PACK, metadata))).toBe(true);
    for (const [tenant, found] of [
      [8, metadata],
      [7, { ...metadata, pack_key: metadata.pack_key!.replace(/^./, (first) => (first === "A" ? "B" : "A")) }],
    ] as const)
      await expect(keys.packKey(tenant, PACK, found), "a key that is remembered").rejects.toMatchObject({
        code: "integrity_error",
      });
    expect(await same(key, await keys.packKey(7, PACK, metadata))).toBe(true);
  });

  it("K4: a newer tenant key version is used after five minutes", async () => {
    const store = new MemoryKeys();
    let now = 0;
    const keys = ring(master("v1", "a"), store, () => now);
    await keys.newPackKey(7, PACK);
    const first = store.rows[0]!;
    const key = await importKey(new TextEncoder().encode("a".repeat(32)));
    store.rows.push({ ...first, version: 2, wrapped_key: await wrapKey(key, newKeyBytes(), tenantKeyData(7, 2)) });
    expect((await keys.newPackKey(7, PACK)).key_version).toBe(1);
    now += 5 * 60_000;
    expect((await keys.newPackKey(7, PACK)).key_version).toBe(2);
  });

  it("K5: the copy is there before the row, and a first try that crashed between is gone on with", async () => {
    const store = new MemoryKeys();
    const copies = new MemoryKeyCopies();
    const { add } = store;
    store.add = () => Promise.reject(new Error("crash"));
    await expect(ring(master("v1", "a"), store, () => 0, copies).newPackKey(7, PACK)).rejects.toThrow("crash");
    expect([store.rows, copies.rows.length]).toEqual([[], 1]);
    Object.assign(store, { add });
    await ring(master("v1", "a"), store, () => 0, copies).newPackKey(7, PACK);
    expect(store.rows).toEqual(copies.rows);
  });

  it("K6: a row that the shard lost, or has from before a master was retired, is read by its copy", async () => {
    const store = new MemoryKeys();
    const copies = new MemoryKeyCopies();
    const [both, second] = [`${master("v1", "a")},${master("v2", "b")}`, master("v2", "b")];
    const { key, metadata } = await ring(master("v1", "a"), store, () => 0, copies).newPackKey(7, PACK);
    const [row] = store.rows.splice(0) as [TenantKeyRow];
    expect(await same(key, await ring(both, store, () => 0, copies).packKey(7, PACK, metadata))).toBe(true);
    expect(store.rows).toEqual([row]);
    await copies.put(await rewrapTenantKey(parseMasterKeys(both), row));
    expect(await same(key, await ring(second, store, () => 0, copies).packKey(7, PACK, metadata))).toBe(true);
  });

  it("K6: all keys are read back from their copies, page by page", async () => {
    const copies = new MemoryKeyCopies();
    const rows = [7, 8, 4_000_000_000].flatMap((tenant_id) => [1, 2, 10].map((version) => ({ tenant_id, version })));
    for (const place of rows.toReversed()) await copies.put(await newTenantKey(parseMasterKeys(MASTER_KEYS), place, 1));
    const page = copies.page.bind(copies);
    copies.page = async (after) => (await page(after)).slice(0, 2);
    const read: TenantKeyRow[] = [];
    for await (const some of readTenantKeys(copies)) read.push(...some);
    expect(read.map(({ tenant_id, version }) => ({ tenant_id, version }))).toEqual(rows);
    expect(read).toEqual(copies.rows);
  });
});
