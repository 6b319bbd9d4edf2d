/** What every `TierStore` promises. docs/spec/tiers.md. */
import { describe, expect, it } from "vitest";
import { recentReads } from "../../core/tiers/policy.ts";
import type { Moved, TieredPack, TierStore } from "../../core/tiers/ports.ts";
import { DAY } from "../../core/time.ts";

export interface OpenTiers {
  tiers: TierStore;
  /** A pack as an upload leaves it. */
  add(pack: Pick<TieredPack, "pack_id" | "state" | "size" | "created_at">): Promise<void>;
  note(pack_ids: readonly string[], day: number): Promise<void>;
  setState(pack_id: string, state: TieredPack["state"]): Promise<void>;
  suspend(): Promise<void>;
}

const id = (letter: string): string => letter.repeat(48);

export function tierStoreContract(name: string, open: () => Promise<OpenTiers>): void {
  describe(`TierStore: ${name}`, () => {
    const setUp = async (...letters: string[]) => {
      const bench = await open();
      for (const letter of letters)
        await bench.add({ pack_id: id(letter), state: "live", size: 10, created_at: 5 * DAY });
      const find = async (letter: string): Promise<TieredPack> =>
        (await bench.tiers.page("")).find(({ pack_id }) => pack_id === id(letter))!;
      return { ...bench, find };
    };
    const move = (letter: string, more: Partial<Moved> = {}): Moved => ({
      pack_id: id(letter),
      from: "standard",
      to: "infrequent",
      read_day: 0,
      ...more,
    });

    it("TI8: packs come by id, behind a place, as they were written; tombstones do not", async () => {
      const { tiers, setState } = await setUp("b", "a", "c", "d");
      await setState(id("b"), "deleted");
      await setState(id("d"), "condemned");
      const unread = { tier: "standard", tiered_at: 0, read_day: 0, reads: 0 };
      expect(await tiers.page(id("a"))).toEqual([
        { pack_id: id("c"), state: "live", size: 10, created_at: 5 * DAY, ...unread },
        { pack_id: id("d"), state: "condemned", size: 10, created_at: 5 * DAY, ...unread },
      ]);
      expect(await tiers.page(id("d"))).toEqual([]);
    });

    it("TI1: reads of 30 days, by days, are remembered", async () => {
      const { note, find } = await setUp("a", "b");
      const seen: number[] = [];
      for (const day of [100, 101, 101, 103, 129, 130, 160, 1000]) {
        await note([id("a")], day);
        seen.push(recentReads(await find("a"), day * DAY));
      }
      expect(seen).toEqual([1, 2, 2, 3, 4, 4, 1, 1]);
      expect((await find("a")).read_day).toBe(1000);
      expect((await find("b")).read_day).toBe(0);
    });

    it("TI2: a note that is late changes nothing, and one of what has no row makes none", async () => {
      const { tiers, note, find } = await setUp("a");
      await note([id("a"), id("9")], 100);
      const before = await find("a");
      await note([id("a")], 99);
      expect(await find("a")).toEqual(before);
      expect(await tiers.page("")).toHaveLength(1);
    });

    it("TI11: a row changes from the tier that was seen, while it is live", async () => {
      const { tiers, setState, find } = await setUp("a", "b", "c");
      await setState(id("b"), "condemned");
      await tiers.settle([move("a"), move("b"), move("c", { from: "infrequent", to: "standard" })], 77);
      expect(await find("a")).toMatchObject({ tier: "infrequent", tiered_at: 77 });
      for (const letter of ["b", "c"]) expect(await find(letter)).toMatchObject({ tier: "standard", tiered_at: 0 });
      await tiers.settle([move("a", { from: "infrequent", to: "standard" })], 78);
      expect(await find("a")).toMatchObject({ tier: "standard", tiered_at: 78 });
    });

    it("TI11: what was read since it was looked at is not archived; a class of R2 it may have", async () => {
      const { tiers, note, find } = await setUp("a", "b");
      await note([id("a"), id("b")], 100);
      await tiers.settle([move("a", { to: "archive" }), move("b")], 1);
      expect([(await find("a")).tier, (await find("b")).tier]).toEqual(["standard", "infrequent"]);
      await tiers.settle([move("a", { to: "archive", read_day: 100 })], 1);
      expect((await find("a")).tier).toBe("archive");
    });

    it("TI8: a tenant that is not active here has no policy", async () => {
      const { tiers, suspend } = await setUp();
      expect(await tiers.policy()).toEqual({ infrequent_days: 30, archive_days: 180 });
      await suspend();
      expect(await tiers.policy()).toBeNull();
    });
  });
}
