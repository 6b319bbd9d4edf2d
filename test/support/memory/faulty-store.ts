import type { DriveStore, Needs, Snapshot, Writes } from "../../../core/sync/ports.ts";

/** `fail`: nothing is done, and it throws. `lose`: it is done, and then it throws: the answer is lost. */
export type Fault = "none" | "fail" | "lose";

/** A store that fails as told, one decision a call. */
export class FaultyStore implements DriveStore {
  readonly #store: DriveStore;
  readonly #next: (call: "load" | "commit") => Fault;
  readonly calls = { load: 0, commit: 0 };

  constructor(store: DriveStore, next: (call: "load" | "commit") => Fault) {
    this.#store = store;
    this.#next = next;
  }

  async load(needs: Needs): Promise<Snapshot | null> {
    this.calls.load++;
    if (this.#next("load") !== "none") throw new Error("injected: load");
    return this.#store.load(needs);
  }

  async commit(writes: Writes): Promise<void> {
    this.calls.commit++;
    const fault = this.#next("commit");
    if (fault === "fail") throw new Error("injected: commit");
    await this.#store.commit(writes);
    if (fault === "lose") throw new Error("injected: the answer is lost");
  }
}
