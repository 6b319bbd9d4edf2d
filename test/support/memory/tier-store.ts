/** Tiers of a tenant's packs in memory: the rules of the D1 store. */
import { noteDay, recentReads } from "../../../core/tiers/policy.ts";
import type { Moved, TierBytes, TieredPack, TierSettings, TierStore } from "../../../core/tiers/ports.ts";

export class MemoryTierStore implements TierStore {
  readonly packs = new Map<string, TieredPack>();
  readonly settings: TierSettings = { infrequent_days: 30, archive_days: 180 };
  accounted: TierBytes | null = null;
  isActive = true;
  written = 0;
  readonly #page: number;

  /** @param page rows of one page */
  constructor(page = 1_000) {
    this.#page = page;
  }

  add(pack: Pick<TieredPack, "pack_id"> & Partial<TieredPack>): void {
    const rest = { state: "live", size: 1e8, created_at: 0, tier: "standard", tiered_at: 0 } as const;
    this.packs.set(pack.pack_id, { ...rest, read_day: 0, reads: 0, ...pack });
  }

  note(pack_ids: readonly string[], day: number): void {
    for (const pack_id of pack_ids) {
      const pack = this.packs.get(pack_id);
      if (pack === undefined || pack.read_day >= day) continue;
      this.packs.set(pack_id, { ...pack, ...noteDay(pack, day) });
      this.written += 1;
    }
  }

  async policy(): Promise<TierSettings | null> {
    return this.isActive ? this.settings : null;
  }

  async page(after: string): Promise<TieredPack[]> {
    return [...this.packs.values()]
      .filter(({ pack_id, state }) => pack_id > after && state !== "deleted")
      .toSorted((a, b) => (a.pack_id < b.pack_id ? -1 : 1))
      .slice(0, this.#page);
  }

  async settle(moved: readonly Moved[], now: number): Promise<void> {
    for (const { pack_id, from, to, read_day } of moved) {
      const pack = this.packs.get(pack_id);
      if (pack?.state !== "live" || pack.tier !== from || (to === "archive" && pack.read_day !== read_day)) continue;
      this.packs.set(pack_id, { ...pack, tier: to, tiered_at: now });
      this.written += 1;
    }
  }

  async account(bytes: TierBytes): Promise<void> {
    this.accounted = { ...bytes };
  }

  recent(pack_id: string, now: number): number {
    return recentReads(this.packs.get(pack_id)!, now);
  }
}
