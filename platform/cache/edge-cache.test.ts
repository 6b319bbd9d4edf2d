import { describe, expect, it } from "vitest";
import { CacheApi, type CacheKey } from "./edge-cache.ts";

const cache = new CacheApi("edgedrive-test");
const put = (key: CacheKey, text: string): Promise<void> =>
  cache.put(key, new Response(text, { headers: { "cache-control": "max-age=60" } }));
const read = async (key: CacheKey): Promise<string | null> => (await (await cache.match(key))?.text()) ?? null;

describe("L13: a step of a key is a value, never a path", () => {
  it("keeps what it is given under just this key", async () => {
    await put(["a", "b c/ü?#%"], "kept");
    expect(await read(["a", "b c/ü?#%"])).toBe("kept");
    await cache.delete(["a", "b c/ü?#%"]);
    expect(await read(["a", "b c/ü?#%"])).toBeNull();
  });

  it.for([
    ["link", "../bytes/1/2"],
    ["link", "..", "bytes", "1", "2"],
    ["link", ".", "..", "bytes", "1", "2"],
    ["link", "%2e%2e", "bytes", "1", "2"],
    ["link", "..\\bytes\\1\\2"],
    ["bytes/1/2"],
    ["bytes", "1", "", "2"],
    ["bytes", "1", "2?x"],
    ["bytes", "1", "2#x"],
    [],
  ])("%j reaches no entry of another key", async (key) => {
    await put(["bytes", "1", "2"], "another's");
    expect(await read(key)).toBeNull();
    await put(key, "poison");
    expect(await read(["bytes", "1", "2"])).toBe("another's");
  });
});
