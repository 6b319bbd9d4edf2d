import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { SIZE_NAMES } from "../../core/previews/rules.ts";
import { DerivedStore } from "./derived-store.ts";

const { DERIVED } = env as unknown as { DERIVED: R2Bucket };
const pictures = { s: new Uint8Array([1]), m: new Uint8Array([2]), l: new Uint8Array([3]) };

/** The bucket, but that it fails to take this size. */
const without = (size: string): R2Bucket =>
  ({
    head: (key: string) => DERIVED.head(key),
    put: async (key: string, bytes: Uint8Array) => {
      if (key.endsWith(`/${size}.webp`)) throw new Error("down");
      return DERIVED.put(key, bytes);
    },
  }) as unknown as R2Bucket;

describe("P6: where the small picture is, all are", () => {
  it.for(SIZE_NAMES)("a failure at %s leaves none that counts as made", async (size) => {
    const content_id = crypto.randomUUID();
    await expect(new DerivedStore(without(size)).put(1, content_id, pictures)).rejects.toThrow("down");
    const store = new DerivedStore(DERIVED);
    expect(await store.isMade(1, content_id)).toBe(false);
    await store.put(1, content_id, pictures);
    expect(await store.isMade(1, content_id)).toBe(true);
    for (const name of SIZE_NAMES) {
      const object = (await store.get(1, content_id, name)) as R2ObjectBody;
      expect(new Uint8Array(await object.arrayBuffer())).toEqual(pictures[name]);
    }
  });

  it("of another tenant's content of the same name it says nothing", async () => {
    const content_id = crypto.randomUUID();
    const store = new DerivedStore(DERIVED);
    await store.put(1, content_id, pictures);
    expect(await store.isMade(2, content_id)).toBe(false);
    expect(await store.get(2, content_id, "s")).toBeNull();
  });
});
