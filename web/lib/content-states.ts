import type { ContentStates } from "../../client/index.ts";

const STORE = "content_states";
/** A state has about 0.8% of its file's size, 8 MiB at most; the ones that were used longest ago go first. */
const MOST = 100;

interface Kept {
  file_id: string;
  state: Uint8Array;
  kept_at: number;
}

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });

/** States of versions in IndexedDB, for whoever is signed in: `clear` at the sign-out. */
export class BrowserContentStates implements ContentStates {
  #opened: Promise<IDBDatabase> | undefined;

  async get(file_id: string): Promise<Uint8Array | null> {
    const store = await this.#store("readonly");
    const kept = (await done(store.get(file_id))) as Kept | undefined;
    return kept?.state ?? null;
  }

  async set(file_id: string, state: Uint8Array): Promise<void> {
    const store = await this.#store("readwrite");
    await done(store.put({ file_id, state, kept_at: Date.now() } satisfies Kept));
    const surplus = (await done(store.count())) - MOST;
    if (surplus <= 0) return;
    const oldest = await done(store.index("kept_at").getAllKeys(null, surplus));
    for (const key of oldest) store.delete(key);
  }

  async remove(file_id: string): Promise<void> {
    await done((await this.#store("readwrite")).delete(file_id));
  }

  async clear(): Promise<void> {
    await done((await this.#store("readwrite")).clear());
  }

  async #store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
    this.#opened ??= open();
    return (await this.#opened).transaction(STORE, mode).objectStore(STORE);
  }
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open("edgedrive", 1);
  request.addEventListener("upgradeneeded", () => {
    request.result.createObjectStore(STORE, { keyPath: "file_id" }).createIndex("kept_at", "kept_at");
  });
  return done(request);
}
