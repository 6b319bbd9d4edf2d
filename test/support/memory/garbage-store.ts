/** Contents and packs of a tenant of one drive, in memory: the rules of the D1 store. */
import { COMPACTED_MIN } from "../../../core/compaction/ports.ts";
import {
  type GarbagePolicy,
  type GarbageStore,
  type JudgedPack,
  type MarkedContent,
  RoundOver,
  type Verdict,
} from "../../../core/garbage/ports.ts";
import { isLiving, type MemoryDriveStore, type State } from "./drive-store.ts";

const byId = (a: string, b: string): number => (a < b ? -1 : 1);

export class MemoryGarbageStore implements GarbageStore {
  readonly #drive: MemoryDriveStore;
  readonly #page: number;
  round = "";
  grace_days = 30;
  compacted_min = COMPACTED_MIN;

  /** @param page rows of one page */
  constructor(drive: MemoryDriveStore, page = 500) {
    this.#drive = drive;
    this.#page = page;
  }

  async policy(): Promise<GarbagePolicy | null> {
    const { tenant_state } = this.#drive.state;
    if (tenant_state === "moving") return null;
    return { garbage_round: this.round, grace_days: this.grace_days, is_deleted: tenant_state === "deleted" };
  }

  async begin(round: string): Promise<void> {
    this.round = round;
  }

  #next(ids: Iterable<string>, after: string): string[] {
    return [...ids]
      .filter((id) => id > after)
      .toSorted(byId)
      .slice(0, this.#page);
  }

  async contents(after: string): Promise<MarkedContent[]> {
    const { state } = this.#drive;
    return this.#next(state.contents.keys(), after).map((content_id) => ({
      content_id,
      manifest: state.contents.get(content_id)!.manifest,
      is_garbage: !isLiving(state, content_id),
    }));
  }

  async note(round: string, pack_ids: readonly string[], now: number): Promise<void> {
    this.#change(round, ({ packs }) => {
      for (const id of pack_ids) {
        const pack = packs.get(id);
        if (pack === undefined) continue;
        const is_shrunk = pack.is_shrunk || pack.size >= this.compacted_min;
        packs.set(id, { ...pack, is_shrunk, changed_at: pack.state === "condemned" ? now : pack.changed_at });
      }
    });
  }

  async drop(round: string, content_ids: readonly string[]): Promise<void> {
    this.#change(round, (state) => {
      for (const content_id of content_ids)
        if (state.tenant_state === "deleted" || !isLiving(state, content_id)) state.contents.delete(content_id);
    });
  }

  async dropHooks(round: string, after: string): Promise<string | null> {
    const page = this.#next(this.#drive.state.hooks.keys(), after);
    if (page.length > 0)
      this.#change(round, ({ hooks, contents }) => {
        for (const key of page) if (!contents.has(hooks.get(key)!.content_id)) hooks.delete(key);
      });
    return page.at(-1) ?? null;
  }

  async packs(after: string): Promise<JudgedPack[]> {
    const { packs } = this.#drive.state;
    return this.#next(packs.keys(), after).map((id) => {
      const { pack_id, state, changed_at, round } = packs.get(id)!;
      return { pack_id, state, changed_at, round };
    });
  }

  async judge(round: string, verdict: Verdict, now: number): Promise<string[]> {
    let deleted: string[] = [];
    this.#change(round, ({ packs }) => {
      const having = (pack_ids: string[], state: string): string[] =>
        pack_ids.filter((pack_id) => packs.get(pack_id)?.state === state);
      deleted = having(verdict.deleted, "condemned").filter((pack_id) => packs.get(pack_id)!.round !== round);
      for (const id of deleted) packs.set(id, { ...packs.get(id)!, state: "deleted", changed_at: now });
      for (const id of having(verdict.condemned, "live"))
        packs.set(id, { ...packs.get(id)!, state: "condemned", changed_at: now, round });
      for (const id of having(verdict.revived, "condemned"))
        packs.set(id, { ...packs.get(id)!, state: "live", changed_at: now });
      for (const id of having(verdict.forgotten, "deleted")) packs.delete(id);
    });
    return deleted;
  }

  #change(round: string, change: (state: State) => void): void {
    if (round !== this.round || this.#drive.state.tenant_state === "moving") throw new RoundOver();
    this.#drive.interfere(change);
  }
}
