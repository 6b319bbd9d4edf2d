/** Packs and contents of a tenant of one drive, in memory: the rules of the D1 store. */
import {
  type CompactionPolicy,
  type CompactionStore,
  type Exchange,
  StagingOver,
} from "../../../core/compaction/ports.ts";
import type { PackRow } from "../../../core/files/model.ts";
import type { FinishedPack } from "../../../core/packs/writer.ts";
import { livePack } from "../../../core/packs/live.ts";
import type { UploadRow } from "../../../core/uploads/model.ts";
import { TENANT } from "./drive.ts";
import type { MemoryDriveStore } from "./drive-store.ts";
import type { MemoryGarbageStore } from "./garbage-store.ts";

export class MemoryCompactionStore implements CompactionStore {
  readonly drive: MemoryDriveStore;
  readonly #garbage: MemoryGarbageStore;
  readonly #page: number;
  /** What the operator ordered. */
  rewrite_below = 0;

  /** @param page rows of one page */
  constructor(drive: MemoryDriveStore, garbage: MemoryGarbageStore, page = 5_000) {
    this.drive = drive;
    this.#garbage = garbage;
    this.#page = page;
  }

  async policy(): Promise<CompactionPolicy | null> {
    const { round } = this.#garbage;
    return this.drive.state.tenant_state === "active" ? { round, rewrite_below: this.rewrite_below } : null;
  }

  async candidates(after: string, before: number, rewrite_below: number) {
    const isOld = ({ key_version }: Pick<PackRow, "key_version">): boolean => key_version < rewrite_below;
    const page = [...this.drive.state.packs.values()]
      .filter(({ pack_id }) => pack_id > after)
      .toSorted((a, b) => (a.pack_id < b.pack_id ? -1 : 1))
      .slice(0, this.#page);
    const packs = page
      .filter(
        (p) =>
          p.state === "live" &&
          p.created_at <= before &&
          (isOld(p) || (p.is_shrunk && p.size >= this.#garbage.compacted_min)),
      )
      .map((pack) => ({ pack_id: pack.pack_id, size: pack.size, is_old: isOld(pack) }));
    return { packs, last: page.at(-1)?.pack_id ?? null };
  }

  async stage(row: UploadRow): Promise<void> {
    this.drive.interfere(({ uploads }) => uploads.set(row.upload_id, row));
  }

  async exchange(
    upload_id: string,
    fresh: readonly FinishedPack[],
    contents: readonly Exchange[],
    now: number,
  ): Promise<number> {
    const { tenant_state, uploads } = this.drive.state;
    if (tenant_state !== "active" || !((uploads.get(upload_id)?.expires_at ?? 0) > now)) throw new StagingOver();
    let swapped = 0;
    this.drive.interfere((state) => {
      for (const pack of fresh)
        if (!state.packs.has(pack.pack_id)) state.packs.set(pack.pack_id, livePack(TENANT, pack, now));
      for (const { content_id, from, to, packs } of contents) {
        const content = state.contents.get(content_id);
        if (content?.manifest !== from || packs.some((id) => state.packs.get(id)?.state !== "live")) continue;
        state.contents.set(content_id, { ...content, manifest: to });
        swapped += 1;
      }
    });
    return swapped;
  }

  async settle(round: string, pack_ids: readonly string[]): Promise<void> {
    if (round !== this.#garbage.round) return;
    this.drive.interfere(({ packs }) => {
      for (const id of pack_ids) packs.set(id, { ...packs.get(id)!, is_shrunk: false });
    });
  }
}
