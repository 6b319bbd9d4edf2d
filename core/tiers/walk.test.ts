/** docs/spec/tiers.md, TI8 to TI16, in memory; the real stores: workers/queue-consumers/tiers.test.ts. */
import { describe, expect, it } from "vitest";
import { MemoryArchive, MemoryTierObjects } from "../../test/support/memory/archive-bucket.ts";
import { MemoryTierStore } from "../../test/support/memory/tier-store.ts";
import type { StoredObject } from "../storage/ports.ts";
import { dayOf } from "./policy.ts";
import type { Tier } from "./ports.ts";
import { walkPacks, type WalkDeps, type WalkPlace } from "./walk.ts";
import { DAY } from "../time.ts";

const NOW = 20_000 * DAY;
const OLD = NOW - 31 * DAY;

function setUp(page?: number) {
  const store = new MemoryTierStore(page);
  const r2 = new Map<string, StoredObject>();
  const objects = new MemoryTierObjects(r2);
  const world = { now: NOW };
  const failed: string[] = [];
  const deps: WalkDeps = {
    tenant_id: 7,
    store,
    objects,
    archive: null,
    pages: 1_000,
    now: () => world.now,
    report: (pack_id) => void failed.push(pack_id),
  };
  const add = (pack_id: string, more: object = {}): void => {
    store.add({ pack_id, created_at: OLD, ...more });
    r2.set(`7/${pack_id}`, {
      bytes: Uint8Array.from(new TextEncoder().encode(`bytes of ${pack_id}`)),
      metadata: { pack_id },
    });
  };
  const tiers = (): Record<string, Tier> =>
    Object.fromEntries([...store.packs.values()].map(({ pack_id, tier }) => [pack_id, tier]));
  return { store, r2, objects, asked: objects.asked, world, failed, deps, add, tiers };
}

async function walk(deps: WalkDeps): Promise<number> {
  let slices = 1;
  let place: WalkPlace | null = null;
  while ((place = await walkPacks(deps, place)) !== null) slices += 1;
  return slices;
}

describe("the walk", () => {
  it("TI8: moves what is due, with one row each, and finds nothing to do the second time", async () => {
    const { store, asked, deps, add, tiers } = setUp();
    add("a");
    add("b", { created_at: NOW });
    add("c", { size: 1000 });
    await walk(deps);
    expect(tiers()).toEqual({ a: "infrequent", b: "standard", c: "standard" });
    expect([asked, store.written]).toEqual([["infrequent 7/a"], 1]);
    await walk(deps);
    expect([asked, store.written]).toEqual([["infrequent 7/a"], 1]);
  });

  it("TI8: in slices, by rows and by bytes; nothing is skipped, and all is counted once", async () => {
    const { store, deps, add, tiers } = setUp(3);
    for (let i = 0; i < 10; i++) add(String(i), { size: 1e8 });
    expect(await walk({ ...deps, pages: 2 })).toBe(3);
    expect(new Set(Object.values(tiers()))).toEqual(new Set(["infrequent"]));
    expect(store.accounted).toEqual({ standard: 0, infrequent: 1e9, archive: 0, restored: 0 });
    for (let i = 0; i < 10; i++) store.add({ pack_id: String(i), size: 1e9, created_at: OLD });
    expect(await walk(deps)).toBe(4);
  });

  it("TI12: condemned packs are counted, tombstones are not", async () => {
    const { store, deps, add } = setUp();
    add("a", { size: 1, state: "condemned" });
    add("b", { size: 10, state: "deleted" });
    add("c", { size: 100, tier: "infrequent" });
    await walk(deps);
    expect(store.accounted).toEqual({ standard: 1, infrequent: 100, archive: 0, restored: 0 });
  });

  it("TI10, TI11: a pack whose object is gone stays; one that fails holds up none", async () => {
    const { r2, objects, failed, deps, add, tiers } = setUp();
    for (const id of ["a", "b", "c"]) add(id);
    r2.delete("7/a");
    const move = objects.move.bind(objects);
    objects.move = (key, to) => (key === "7/b" ? Promise.reject(new Error("no answer")) : move(key, to));
    await walk(deps);
    expect([tiers(), failed]).toEqual([{ a: "standard", b: "standard", c: "infrequent" }, ["b"]]);
  });

  it("TI11: a crash between object and row is mended by the next walk", async () => {
    const { store, objects, deps, add, tiers } = setUp();
    add("a");
    const { settle } = store;
    store.settle = () => Promise.reject(new Error("crash"));
    await expect(walk(deps)).rejects.toThrow("crash");
    expect([objects.classes.get("7/a"), tiers().a]).toEqual(["infrequent", "standard"]);
    store.settle = settle;
    await walk(deps);
    expect(tiers().a).toBe("infrequent");
  });

  it("TI8: a tenant that is not active here is left alone", async () => {
    const { store, asked, deps, add } = setUp();
    add("a");
    store.isActive = false;
    expect(await walk(deps)).toBe(1);
    expect([asked, store.accounted]).toEqual([[], null]);
  });
});

describe("the archive", () => {
  const COLD = NOW - 200 * DAY;

  function withArchive() {
    const bench = setUp();
    const archive = new MemoryArchive();
    const deps: WalkDeps = { ...bench.deps, archive };
    const size = "bytes of a".length;
    // As large as its bytes are said to be, so that the copy is worth while.
    archive.has = async (key) => archive.objects.has(key);
    return { ...bench, archive, deps, size, days: (days: number) => void (bench.world.now += days * DAY) };
  }

  it("TI15, TI16: the copy, then the row, and after a day R2's object; the archive is asked once more", async () => {
    const { r2, archive, deps, add, tiers, asked, days } = withArchive();
    add("a", { created_at: COLD });
    await walk(deps);
    expect([tiers().a, [...archive.objects.keys()], r2.has("7/a")]).toEqual(["archive", ["7/a"], true]);
    days(0.9);
    await walk(deps);
    expect(r2.has("7/a")).toBe(true);
    days(0.1);
    await walk(deps);
    expect(r2.has("7/a")).toBe(false);
    days(10);
    await walk(deps);
    expect(asked).toEqual(["archive 7/a", "drop 7/a"]);
  });

  it("TI16: what the archive has lost by then stays in R2, and is told of", async () => {
    const { r2, archive, deps, failed, add, days } = withArchive();
    add("a", { created_at: COLD });
    await walk(deps);
    archive.objects.clear();
    days(1);
    await walk(deps);
    expect([r2.has("7/a"), failed]).toEqual([true, ["a"]]);
  });

  it("TI16: what is read before it is dropped stays, as restored, and goes again without a copy", async () => {
    const { store, r2, archive, deps, add, tiers, world, days } = withArchive();
    add("a", { created_at: COLD });
    await walk(deps);
    store.note(["a"], dayOf(world.now));
    days(1);
    await walk(deps);
    expect([tiers().a, r2.has("7/a")]).toEqual(["restored", true]);
    days(6);
    await walk(deps);
    expect(tiers().a).toBe("restored");
    days(1);
    await walk(deps);
    days(1);
    await walk(deps);
    expect([tiers().a, r2.has("7/a"), archive.written]).toEqual(["archive", false, ["7/a"]]);
  });

  it("TI16: a read that was noted after the object was dropped brings nothing back", async () => {
    const { store, r2, deps, add, tiers, world, days } = withArchive();
    add("a", { created_at: COLD });
    await walk(deps);
    r2.delete("7/a");
    store.note(["a"], dayOf(world.now));
    days(1);
    await walk(deps);
    expect(tiers().a).toBe("archive");
  });

  it("TI15: an archive that takes nothing leaves all as it is", async () => {
    const { archive, deps, failed, add, tiers } = withArchive();
    add("a", { created_at: COLD });
    archive.put = () => Promise.reject(new Error("no such bucket"));
    await walk(deps);
    expect([tiers().a, failed]).toEqual(["standard", ["a"]]);
  });

  it("TI15: a crash behind the copy costs no second one", async () => {
    const { store, archive, deps, add, tiers } = withArchive();
    add("a", { created_at: COLD });
    const { settle } = store;
    store.settle = () => Promise.reject(new Error("crash"));
    await expect(walk(deps)).rejects.toThrow("crash");
    store.settle = settle;
    await walk(deps);
    expect([tiers().a, archive.written]).toEqual(["archive", ["7/a"]]);
  });

  it("TI14: without an archive nothing goes there, and what was restored stays", async () => {
    const { deps, add, tiers, days } = withArchive();
    add("a", { created_at: COLD });
    add("b", { created_at: COLD, tier: "restored" });
    days(100);
    await walk({ ...deps, archive: null });
    expect(tiers()).toEqual({ a: "infrequent", b: "restored" });
  });
});
