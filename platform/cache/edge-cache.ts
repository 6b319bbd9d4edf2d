/**
 * What an entry is kept under: one string for each step of a path. A step is a value, never a path of its own, so
 * whatever a visitor sends names an entry of its own kind.
 */
export type CacheKey = readonly string[];

/** A cache near the visitor. It may forget anything at any time, and each place has its own. */
export interface EdgeCache {
  /** Null on a miss. With a range, exactly these bytes of the entry, or null. */
  match(key: CacheKey, range?: { offset: number; length: number }): Promise<Response | null>;
  /** Resolves when the body was read to its end. An entry whose body errors is not kept. */
  put(key: CacheKey, response: Response): Promise<void>;
  delete(key: CacheKey): Promise<void>;
}

/** The CDN in front of an entrypoint (Workers Cache), where a hit runs no code at all. */
export interface OuterCache {
  purge(tags: string[]): Promise<void>;
}

/** Keys are no addresses that anyone could ask for: the named cache is reached by this code only. */
const BASE = "https://cache.invalid/";

/** Steps that an address loses when it is read (WHATWG URL, 4.4), and with them those before. */
const DOTS = new Set(["", ".", ".."]);

/** One address for each key. Throws for a step that no address can have. */
function addressOf(key: CacheKey): string {
  if (key.length === 0 || key.some((step) => DOTS.has(step))) throw new Error("no key of an entry");
  return BASE + key.map(encodeURIComponent).join("/");
}

/** The Cache API. A cache that fails is a cache that misses: it never fails a request. */
export class CacheApi implements EdgeCache {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  #open(): Promise<Cache> {
    return caches.open(this.#name);
  }

  async match(key: CacheKey, range?: { offset: number; length: number }): Promise<Response | null> {
    const headers = new Headers();
    if (range !== undefined) headers.set("range", `bytes=${range.offset}-${range.offset + range.length - 1}`);
    try {
      const response = await (await this.#open()).match(new Request(addressOf(key), { headers }));
      if (response === undefined) return null;
      if (range === undefined || response.status === 206) return response;
      await response.body?.cancel();
      return null;
    } catch {
      return null;
    }
  }

  async put(key: CacheKey, response: Response): Promise<void> {
    try {
      await (await this.#open()).put(addressOf(key), response);
    } catch {
      // The next visitor misses again.
    }
    // Some places have a cache that takes nothing and reads nothing: whoever writes the body must not wait for it.
    if (!response.bodyUsed) await response.body?.cancel().catch(() => undefined);
  }

  async delete(key: CacheKey): Promise<void> {
    try {
      await (await this.#open()).delete(addressOf(key));
    } catch {
      // The bound of L4 holds without it.
    }
  }
}

/** @param cache `ctx.cache`: undefined where nothing is cached in front, as on a local machine */
export const workersCache = (cache: CacheContext | undefined): OuterCache => ({
  async purge(tags) {
    // At most 100 tags a call. A refused purge (the account's rate) leaves the bound of L4.
    for (let i = 0; i < tags.length; i += 100) await cache?.purge({ tags: tags.slice(i, i + 100) });
  },
});
