/** The state of a sync client in memory, as a store that outlives its process has it. */
import type { SavedState, StateStore, StateWrites } from "../../../client/sync/ports.ts";

function put<T>(into: Map<string, T>, rows: readonly (readonly [string, T | null])[] = []): void {
  for (const [id, row] of rows)
    if (row === null) into.delete(id);
    else into.set(id, structuredClone(row));
}

export class MemoryStateStore implements StateStore {
  readonly #remote = new Map<string, SavedState["remote"][number]>();
  readonly #synced = new Map<string, SavedState["synced"][number]>();
  readonly #underway = new Map<string, SavedState["underway"][number]>();
  readonly #values = new Map<string, string>();
  /** Before and after each transaction: may throw. */
  hook: (when: "before" | "after") => Promise<void> = () => Promise.resolve();

  async load(): Promise<SavedState> {
    return structuredClone({
      remote: [...this.#remote.values()],
      synced: [...this.#synced.values()],
      underway: [...this.#underway.values()],
      values: Object.fromEntries(this.#values),
    });
  }

  async commit({ forget_remote, remote, synced, underway, values }: StateWrites): Promise<void> {
    await this.hook("before");
    if (forget_remote) this.#remote.clear();
    put(this.#remote, remote);
    put(this.#synced, synced);
    put(this.#underway, underway);
    put(this.#values, Object.entries(values ?? {}));
    await this.hook("after");
  }
}
