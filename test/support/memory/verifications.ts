/** Verifications and equal contents over drives in memory: the rules of the D1 ones, for tests of what stands on them. */
import type { VerificationRow } from "../../../core/files/model.ts";
import type { Due, EqualContents, VerificationStore, VerifiedContent } from "../../../core/verification/ports.ts";
import { isLiving, type MemoryDriveStore } from "./drive-store.ts";

export class MemoryVerifications implements VerificationStore {
  readonly #store: MemoryDriveStore;

  constructor(store: MemoryDriveStore) {
    this.#store = store;
  }

  async due(now: number, limit: number): Promise<Due[]> {
    const { verifications, contents } = this.#store.state;
    return [...verifications.values()]
      .filter((row) => row.next_at <= now)
      .toSorted((a, b) => a.next_at - b.next_at)
      .slice(0, limit)
      .map((row) => {
        const content = contents.get(row.content_id);
        return { ...row, content: content && isLiving(this.#store.state, row.content_id) ? content : null };
      });
  }

  /** Rows are never changed in place. */
  #change(content_id: string, change: (row: VerificationRow) => Partial<VerificationRow> | null): boolean {
    const row = this.#store.state.verifications.get(content_id);
    const changed = row === undefined ? null : change(row);
    if (row === undefined || changed === null) return false;
    this.#store.interfere(({ verifications }) => void verifications.set(content_id, { ...row, ...changed }));
    return true;
  }

  async claim({ content_id, hashed_bytes, attempts, next_at }: Due, until: number): Promise<boolean> {
    return this.#change(content_id, (row) =>
      row.hashed_bytes === hashed_bytes && row.attempts === attempts && row.next_at === next_at
        ? { attempts: attempts + 1, next_at: until }
        : null,
    );
  }

  async save(...[content_id, progress, now]: Parameters<VerificationStore["save"]>): Promise<void> {
    this.#change(content_id, (row) =>
      row.hashed_bytes < progress.hashed_bytes ? { ...progress, attempts: 0, error: null, next_at: now } : null,
    );
  }

  async fail(content_id: string, error: string, next_at: number): Promise<void> {
    this.#change(content_id, () => ({ error, next_at }));
  }

  async end(content_id: string): Promise<void> {
    this.#store.interfere(({ verifications }) => void verifications.delete(content_id));
  }
}

/** All drives of one tenant. */
export class MemoryEquals implements EqualContents {
  readonly #stores: readonly MemoryDriveStore[];

  constructor(stores: readonly MemoryDriveStore[]) {
    this.#stores = stores;
  }

  async find(content_hash: string, size: number): Promise<VerifiedContent[]> {
    const files = this.#stores.flatMap(({ state }) => [...state.files.values()]);
    const ids = new Set(
      files.filter((f) => f.content_hash === content_hash && f.size === size).map((f) => f.content_id),
    );
    const contents = this.#stores.flatMap(({ state }) => [...state.contents.values()]);
    return structuredClone(
      contents.filter((c) => c.content_hash !== null && ids.has(c.content_id)) as VerifiedContent[],
    );
  }

  async repoint(seen: VerifiedContent, kept: VerifiedContent, packs: readonly string[]): Promise<boolean> {
    const rowOf = (id: string) =>
      this.#stores.map(({ state }) => state.contents.get(id)).find((row) => row !== undefined);
    const isSame = (row: VerifiedContent): boolean => {
      const now = rowOf(row.content_id);
      return now?.manifest === row.manifest && now.content_hash === row.content_hash && now.size === row.size;
    };
    const live = new Set(
      this.#stores
        .flatMap(({ state }) => [...state.packs.values()])
        .filter((p) => p.state === "live")
        .map((p) => p.pack_id),
    );
    if (!isSame(seen) || !isSame(kept) || packs.some((id) => !live.has(id))) return false;
    for (const store of this.#stores)
      store.interfere(({ contents }) => {
        const row = contents.get(seen.content_id);
        if (row !== undefined) contents.set(seen.content_id, { ...row, manifest: kept.manifest });
      });
    return true;
  }
}
