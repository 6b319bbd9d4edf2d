/** docs/spec/tiers.md, TI18 and TI19, in memory; the real stores: workers/queue-consumers/archived.test.ts. */
import { describe, expect, it } from "vitest";
import { MemoryArchive, MemoryTierObjects } from "../../test/support/memory/archive-bucket.ts";
import { memoryEngine } from "../../test/support/memory/engine.ts";
import { MemoryTierStore } from "../../test/support/memory/tier-store.ts";
import { MemoryUnarchivingStore } from "../../test/support/memory/unarchiving-store.ts";
import { formatNode } from "../manifests/root.ts";
import type { StoredObject } from "../storage/ports.ts";
import { NEVER, unarchive, type UnarchiveDeps } from "./unarchive.ts";

const PACKS = Array.from({ length: 6 }, (_, i) => String(i).repeat(48));

class Crash extends Error {}

async function setUp(size = 100) {
  const tiers = new MemoryTierStore();
  const archive = new MemoryArchive();
  const r2 = new Map<string, StoredObject>();
  for (const pack_id of PACKS) {
    tiers.add({ pack_id, size, tier: "archive" });
    archive.objects.set(`7/${pack_id}`, { bytes: Uint8Array.of(1, 2, 3), metadata: { pack_id } });
  }
  const manifest = await formatNode({ kind: "root", bits: 14, size: 0, packs: PACKS, entries: [] });
  const store = new MemoryUnarchivingStore(tiers, new Map([["content", manifest]]));
  const told = new Set<string>();
  const reported: boolean[] = [];
  const world = { now: 1_000_000 };
  const objects = new MemoryTierObjects(r2);
  const deps: UnarchiveDeps = {
    tenant_id: 7,
    store,
    objects,
    archive,
    engine: memoryEngine(),
    announce: async ({ file_id, requested_at }) => void told.add(`${file_id}/${requested_at}`),
    now: () => world.now,
    report: (_content_id, _error, isDead) => void reported.push(isDead),
  };
  const asked = { drive_id: "drive", file_id: "file", size: 100, requested_at: world.now };
  await store.request({ content_id: "content", ...asked });
  const isBack = (): boolean =>
    PACKS.every((pack_id) => tiers.packs.get(pack_id)!.tier === "restored" && r2.has(`7/${pack_id}`));
  return { tiers, archive, r2, store, objects, told, reported, world, deps, asked, isBack };
}

describe("archived bytes that are asked for", () => {
  it("TI18, TI19: come back, are told of once, and leave no row", async () => {
    const { store, told, deps, isBack } = await setUp();
    expect(await unarchive(deps, "content")).toBe(false);
    expect([isBack(), [...told], store.rows.size]).toEqual([true, ["file/1000000"], 0]);
    expect(await unarchive(deps, "content")).toBe(false);
  });

  it("TI18: a crash at any step leaves what the next try ends, and copies nothing twice", async () => {
    for (let at = 1; ; at++) {
      const { store, objects, told, world, deps, isBack } = await setUp();
      let steps = 0;
      const crashing = <T extends object>(target: T): T =>
        new Proxy(target, {
          get: (real, name) => {
            const value: unknown = Reflect.get(real, name, real);
            if (typeof value !== "function") return value;
            return async (...args: unknown[]) => {
              if (steps >= at) throw new Crash();
              const made: unknown = await value.apply(real, args);
              if (++steps === at) throw new Crash();
              return made;
            };
          },
        });
      const announce = crashing({ announce: deps.announce });
      const broken = {
        ...deps,
        store: crashing(store),
        objects: crashing(objects),
        announce: (row: Parameters<UnarchiveDeps["announce"]>[0]) => announce.announce(row),
      };
      const ended = await unarchive(broken, "content").then(
        () => true,
        () => false,
      );
      world.now += 60 * 60_000;
      await unarchive(deps, "content");
      expect([isBack(), told.size, store.rows.size], `crash at ${at}`).toEqual([true, 1, 0]);
      if (ended) return;
    }
  });

  it("TI18: one job brings 2 GiB back, and goes on with the next", async () => {
    const { store, deps, isBack } = await setUp(1e9);
    expect(await unarchive(deps, "content")).toBe(true);
    expect([isBack(), store.rows.get("content")?.attempts]).toEqual([false, 0]);
    while (await unarchive(deps, "content"));
    expect([isBack(), store.rows.size]).toEqual([true, 0]);
  });

  it("TI18: what cannot come back is tried five times, and then is dead and stays", async () => {
    const { archive, store, told, reported, world, deps } = await setUp();
    archive.objects.delete(`7/${PACKS[3]}`);
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      await unarchive(deps, "content");
      waits.push(store.rows.get("content")!.next_at - world.now);
      world.now = Math.min(store.rows.get("content")!.next_at, world.now + 1e9);
    }
    expect(waits.slice(0, 4)).toEqual([30_000, 120_000, 480_000, 1_920_000]);
    expect(store.rows.get("content")).toMatchObject({ next_at: NEVER, error: "the archive has lost a pack" });
    expect([reported, told.size]).toEqual([[false, false, false, false, true], 0]);
  });

  it("TI18: of a content that is gone nothing is copied, and nobody is told", async () => {
    const { store, objects, told, deps, asked } = await setUp();
    await store.request({ content_id: "gone", ...asked });
    await unarchive(deps, "gone");
    expect([objects.asked, told.size, store.rows.has("gone")]).toEqual([[], 0, false]);
  });
});
