/** docs/spec/storage.md, K10; through doors and jobs: workers/queue-consumers/rewrite-keys.test.ts. */
import { describe, expect, it } from "vitest";
import { type KeyUseStore, orderRewriting, type PackCount, reportRewriting } from "./rewriting.ts";
import { DAY } from "../time.ts";

const NOW = 100 * DAY;

const count = (key_version: number, more: Partial<PackCount>): PackCount => ({
  key_version,
  live: 0,
  archived: 0,
  condemned: 0,
  bytes: 0,
  ...more,
});

const store = (packs: PackCount[], made = [0, 10, 20], more: Partial<KeyUseStore> = {}): KeyUseStore => ({
  order: async () => undefined,
  ordered: async () => 3,
  keys: async () => made.map((day, i) => ({ version: i + 1, created_at: day * DAY })),
  packs: async () => packs,
  archiveKey: async () => null,
  ...more,
});

const needed = async (of: KeyUseStore, backups = new Map<number, number>()): Promise<boolean[]> => {
  const { versions } = await reportRewriting({ store: of, backups: async () => backups, now: () => NOW });
  return versions.map(({ is_needed }) => is_needed);
};

describe("K10: which keys are needed", () => {
  it("the newest always; an older one while any pack, backup or secret is under it", async () => {
    expect(await needed(store([]))).toEqual([false, false, true]);
    for (const name of ["live", "archived", "condemned"] as const)
      expect(await needed(store([count(2, { [name]: 1 })])), name).toEqual([false, true, true]);
    expect(await needed(store([]), new Map([[1, 1]]))).toEqual([true, false, true]);
    expect(await needed(store([], undefined, { archiveKey: async () => 1 }))).toEqual([true, false, true]);
  });

  it("and one that had a successor three days ago or later: an upload may be under way with it", async () => {
    expect(await needed(store([], [0, 10, 98]))).toEqual([false, true, true]);
    expect(await needed(store([], [0, 10, 96]))).toEqual([false, false, true]);
  });

  it("left are the live ones below what was ordered, the archived ones are told apart", async () => {
    const packs = [count(1, { live: 2, archived: 1 }), count(2, { live: 3, condemned: 9 }), count(3, { live: 50 })];
    const report = await reportRewriting({ store: store(packs), backups: async () => new Map(), now: () => NOW });
    expect(report).toMatchObject({ newest: 3, rewrite_below: 3, left: 5, archived: 1 });
  });

  it("an order is for all older keys; refused where there is none", async () => {
    const ordered: number[] = [];
    const order = async (below: number): Promise<void> => void ordered.push(below);
    expect(await orderRewriting(store([], [0, 10], { order }))).toEqual({ version: 2, created_at: 10 * DAY });
    for (const made of [[], [0]])
      await expect(orderRewriting(store([], made, { order }))).rejects.toMatchObject({ code: "precondition_failed" });
    expect(ordered).toEqual([2]);
  });
});
