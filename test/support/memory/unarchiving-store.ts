/** Contents that come back from the archive, in memory: the rules of the D1 store. */
import type { Moved } from "../../../core/tiers/ports.ts";
import type { Unarchiving, UnarchivingStore } from "../../../core/tiers/unarchive.ts";
import type { MemoryTierStore } from "./tier-store.ts";

export class MemoryUnarchivingStore implements UnarchivingStore {
  readonly rows = new Map<string, Unarchiving & { error: string | null }>();
  readonly #tiers: MemoryTierStore;
  readonly #manifests: ReadonlyMap<string, string>;

  /** @param manifests of contents by id */
  constructor(tiers: MemoryTierStore, manifests: ReadonlyMap<string, string>) {
    this.#tiers = tiers;
    this.#manifests = manifests;
  }

  async request(row: Omit<Unarchiving, "attempts" | "next_at">) {
    const { content_id, requested_at } = row;
    if (!this.rows.has(content_id))
      this.rows.set(content_id, { ...row, attempts: 0, next_at: requested_at, error: null });
    const waiting_bytes = [...this.rows.values()].reduce((sum, { size }) => sum + size, 0);
    return { waiting_bytes, requested_at: this.rows.get(content_id)!.requested_at };
  }

  async claim(...[content_id, now, until]: Parameters<UnarchivingStore["claim"]>) {
    const row = this.rows.get(content_id);
    if (row === undefined || row.next_at > now) return null;
    const { error, ...claimed } = { ...row, attempts: row.attempts + 1, next_at: until };
    this.rows.set(content_id, { ...claimed, error });
    return { ...claimed, manifest: this.#manifests.get(content_id) ?? null };
  }

  async archived(pack_ids: readonly string[]) {
    return pack_ids
      .flatMap((pack_id) => this.#tiers.packs.get(pack_id) ?? [])
      .filter(({ tier }) => tier === "archive" || tier === "restored")
      .map(({ pack_id, size, tier, read_day }) => ({ pack_id, size, tier, read_day }));
  }

  settle(moved: readonly Moved[], now: number): Promise<void> {
    return this.#tiers.settle(moved, now);
  }

  async again(...[content_id, attempts, error, next_at]: Parameters<UnarchivingStore["again"]>): Promise<void> {
    const row = this.rows.get(content_id);
    if (row !== undefined) this.rows.set(content_id, { ...row, attempts, error, next_at });
  }

  async end(content_id: string): Promise<void> {
    this.rows.delete(content_id);
  }
}
