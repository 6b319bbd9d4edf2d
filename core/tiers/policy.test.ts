/** docs/spec/tiers.md, TI4 to TI7. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryTierStore } from "../../test/support/memory/tier-store.ts";
import { dayOf, MOVE_COST, recentReads, unreadDays, wantedTier } from "./policy.ts";
import type { TieredPack, TierPolicy } from "./ports.ts";
import { GB, READ, RETRIEVAL, STORAGE } from "./prices.ts";
import { DAY } from "../time.ts";

const POLICY: TierPolicy = { infrequent_days: 30, archive_days: 180, has_archive: false };
const START = 20_000 * DAY;

const pack = (more: Partial<TieredPack>): TieredPack => ({
  pack_id: "a",
  state: "live",
  size: 64 * 1024 ** 2,
  created_at: START,
  tier: "standard",
  tiered_at: 0,
  read_day: 0,
  reads: 0,
  ...more,
});

const sizes = fc.integer({ min: 1, max: 64 * 1024 ** 2 });

describe("when a pack moves", () => {
  it.each([
    [2_100_000, 30],
    [350_000, 178],
    [36_000, 1727],
    [100_000_000, 30],
  ])("TI5: a pack of %i bytes moves after %i days unread", (size, days) => {
    const at = (day: number): string => wantedTier(pack({ size }), POLICY, START + day * DAY);
    expect([at(days - 1), at(days)]).toEqual(["standard", "infrequent"]);
  });

  it("TI4: a read puts it off, and what is not live stays", () => {
    const later = START + 40 * DAY;
    expect(wantedTier(pack({ read_day: dayOf(later) - 29 }), POLICY, later)).toBe("standard");
    expect(wantedTier(pack({ read_day: dayOf(later) - 30 }), POLICY, later)).toBe("infrequent");
    expect(wantedTier(pack({ state: "condemned" }), POLICY, later)).toBe("standard");
  });

  it.each([
    [30, 1, "infrequent"],
    [30, 2, "standard"],
    [0, 2, "infrequent"],
    [0, 3, "standard"],
  ] as const)("TI6: %i days after it moved, read on %i days: %s", (days, reads, expected) => {
    const now = START + 400 * DAY;
    const read = { read_day: dayOf(now), reads: 2 ** reads - 1 };
    expect(wantedTier(pack({ tier: "infrequent", tiered_at: now - days * DAY, ...read }), POLICY, now)).toBe(expected);
  });

  it("TI1: reads older than 30 days are forgotten, whenever one looks", () => {
    const read = { read_day: 1000, reads: 0b101 };
    const at = (day: number): number => recentReads(read, day * DAY);
    expect([at(1000), at(1027), at(1028), at(1029), at(1030)]).toEqual([2, 2, 1, 1, 0]);
  });

  it("TI5: it never moves when staying as long again would cost less", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 2_000 }), (size, days) => {
        const now = START + days * DAY;
        const it = pack({ size });
        if (wantedTier(it, POLICY, now) !== "infrequent") return;
        const months = unreadDays(it, now) / 30;
        const gb = size / GB;
        expect(STORAGE.infrequent * gb * months + MOVE_COST.toInfrequent()).toBeLessThanOrEqual(
          STORAGE.standard * gb * months * (1 + 1e-9),
        );
      }),
    );
  });

  it("TI6: it never returns when another 30 days like the last would cost less there", () => {
    fc.assert(
      fc.property(sizes, fc.nat({ max: 2 ** 30 - 1 }), fc.integer({ min: 0, max: 100 }), (size, reads, days) => {
        const now = START + 500 * DAY;
        const it = pack({ size, reads, tier: "infrequent", read_day: dayOf(now), tiered_at: now - days * DAY });
        if (wantedTier(it, POLICY, now) !== "standard") return;
        const [gb, r] = [size / GB, recentReads(it, now)];
        const stay = STORAGE.infrequent * gb + r * (RETRIEVAL * gb + READ.infrequent);
        expect(MOVE_COST.toStandard(gb) + STORAGE.standard * gb + r * READ.standard).toBeLessThan(stay);
      }),
    );
  });

  it("TI7: whatever is read when, it moves at most twice in 30 days, and its way back was paid by reads", () => {
    fc.assert(
      fc.property(sizes, fc.array(fc.boolean(), { minLength: 400, maxLength: 400 }), (size, coin) => {
        const store = new MemoryTierStore();
        store.add({ pack_id: "a", size, created_at: START });
        const moves: number[] = [];
        // Long quiet stretches between bursts, so that both ways are taken.
        for (const [day, isRead] of coin.entries()) {
          const now = START + day * DAY;
          if (isRead && Math.floor(day / 40) % 2 === 1) store.note(["a"], dayOf(now));
          const seen = store.packs.get("a")!;
          const to = wantedTier(seen, POLICY, now);
          if (to === seen.tier) continue;
          moves.push(day);
          if (to === "standard") expect(store.recent("a", now)).toBeGreaterThanOrEqual(2);
          store.packs.set("a", { ...seen, tier: to, tiered_at: now });
        }
        for (const [i, day] of moves.entries()) if (i >= 2) expect(day - moves[i - 2]!).toBeGreaterThanOrEqual(30);
      }),
      { numRuns: 50 },
    );
  });
});
