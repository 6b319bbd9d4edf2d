/** docs/spec/durability.md, C12 and C13, over real packs in memory; the real stores: workers/queue-consumers/rewrite-keys.test.ts. */
import { describe, expect, it } from "vitest";
import { parseText } from "../manifests/root.ts";
import { packKey } from "../packs/format.ts";
import { TENANT } from "../../test/support/memory/drive.ts";
import { EditedDrive, noise } from "../../test/support/memory/edited-drive.ts";
import { same } from "../../test/support/memory/engine.ts";
import type { FileRow } from "../files/model.ts";
import { compact, type NextCompaction } from "./compact.ts";
import { DAY } from "../time.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

type Kept = readonly [FileRow, Uint8Array];

const kept = async (world: EditedDrive, name: string, bytes: Uint8Array): Promise<Kept> =>
  [await world.file(name, bytes), bytes] as const;

async function edited(world: EditedDrive, [file, bytes]: Kept, at: number): Promise<Kept> {
  const now = bytes.slice();
  now.set(noise(4 * KiB), at);
  return [await world.edit(file, now), now] as const;
}

async function expectWhole(world: EditedDrive, files: readonly Kept[]): Promise<void> {
  for (const [{ name, content_id }, bytes] of files)
    expect(same(await world.read(content_id as string), bytes), name).toBe(true);
}

/** Key versions of the packs that contents name. */
async function namedVersions(world: EditedDrive): Promise<number[]> {
  const { contents, packs } = world.drive.store.state;
  const named = new Set<number>();
  for (const { manifest } of contents.values()) {
    const { packs: own } = await parseText(manifest);
    for (const pack_id of [...own, ...(await world.reader.root(manifest)).packs])
      named.add(packs.get(pack_id)!.key_version);
  }
  return [...named].toSorted();
}

/** Of packs that are no tombstones. */
const versionsHeld = (world: EditedDrive): number[] => {
  const held = [...world.drive.store.state.packs.values()].filter(({ state }) => state !== "deleted");
  return [...new Set(held.map(({ key_version }) => key_version))].toSorted();
};

const objectsOf = (world: EditedDrive): string[] => [...world.engine.objects.objects.keys()].toSorted();

/** A small file, a large one with leaves and two versions that share them, and a day on which all of it is old enough. */
async function drive(world = new EditedDrive(), size = 6 * MiB): Promise<{ world: EditedDrive; files: Kept[] }> {
  const first = await kept(world, "large", noise(size));
  const files = [
    first,
    await edited(world, first, Math.floor(size / 2)),
    await kept(world, "small", noise(100)),
    await kept(world, "other", noise(80 * KiB)),
  ];
  world.drive.now += 2 * DAY;
  return { world, files };
}

describe("C12: rewriting under new keys", () => {
  it("all that is alive gets packs with the new key, of any size and however whole; the old ones go after the grace", async () => {
    const { world, files } = await drive();
    const old = objectsOf(world);
    await world.compact();
    expect(objectsOf(world), "nothing was ordered").toEqual(old);
    await world.rewrite();
    await world.compact();
    expect(await namedVersions(world)).toEqual([2]);
    await expectWhole(world, files);
    expect(objectsOf(world)).toEqual(expect.arrayContaining(old));
    await world.days(3, 31);
    expect(versionsHeld(world)).toEqual([2]);
    expect(objectsOf(world).filter((key) => old.includes(key))).toEqual([]);
    await expectWhole(world, files);
    expect(world.reports).toEqual([]);
  });

  it("a repeated order, and each day after it, write nothing anew", async () => {
    const { world, files } = await drive();
    await world.rewrite();
    await world.compact();
    const after = objectsOf(world);
    await world.compact();
    await world.days(1);
    expect(objectsOf(world)).toEqual(after);
    await world.rewrite();
    world.drive.now += 2 * DAY;
    await world.compact();
    expect(await namedVersions(world)).toEqual([3]);
    await expectWhole(world, files);
  });

  it("what is young, or was written meanwhile under the old key, is the next days'", async () => {
    const { world, files } = await drive();
    const young = await kept(world, "young", noise(200 * KiB));
    await world.rewrite();
    await world.compact();
    expect(await namedVersions(world)).toEqual([1, 2]);
    await world.days(2);
    expect(await namedVersions(world)).toEqual([2]);
    await expectWhole(world, [...files, young]);
  });

  it("more packs than a run takes are the next run's, at once; no slice makes more calls than it may", async () => {
    const world = new EditedDrive(2_000);
    const files: Kept[] = [];
    for (let i = 0; i < 1_050; i++) files.push(await kept(world, `file ${i}`, noise(20)));
    world.drive.now += 2 * DAY;
    await world.rewrite();
    const deps = world.compactionDeps({ pages: 20 });
    const calls = () => Object.values(world.engine.objects.calls).reduce((sum, count) => sum + count, 0);
    let next: NextCompaction | null = null;
    do {
      const before = calls();
      next = await compact(deps, next);
      expect(calls() - before).toBeLessThanOrEqual(700);
    } while (next !== null);
    const { uploads, contents } = world.drive.store.state;
    expect([...uploads.values()].filter(({ state }) => state === "aborted")).toHaveLength(2);
    expect(await namedVersions(world)).toEqual([2]);
    await expectWhole(world, files);
    expect(contents.size).toBe(1_050);
    await world.days(3, 31);
    expect(objectsOf(world).length).toBeLessThan(20);
  });

  it("C3: more blocks than a run copies are the next run's, at once", async () => {
    const { world, files } = await drive();
    await world.rewrite();
    await world.compact({ blocks: 50 });
    expect(await namedVersions(world)).toEqual([2]);
    await expectWhole(world, files);
    const { uploads } = world.drive.store.state;
    expect([...uploads.values()].filter(({ state }) => state === "aborted").length).toBeGreaterThan(1);
  });

  it("C6: a damaged pack, and what a damaged content names, are reported and left alone, each day without a copy", async () => {
    const { world, files } = await drive();
    const [large, , , other] = files as [Kept, Kept, Kept, Kept];
    const [pack_id] = (await parseText(world.manifestOf(large[0].content_id as string))).packs as [string];
    const object = world.engine.objects.objects.get(packKey(TENANT, pack_id))!;
    // Leaves lie behind their blocks, before the footer.
    const { entries } = await parseText(world.manifestOf(large[0].content_id as string));
    object.bytes[entries[0]!.offset + 20]! ^= 1;
    await world.rewrite();
    await world.compact();
    const after = objectsOf(world);
    expect(world.reports).toContainEqual({ content_id: large[0].content_id });
    expect(await parseText(world.manifestOf(large[0].content_id as string))).toMatchObject({ packs: [pack_id] });
    await world.compact();
    await world.compact();
    expect(objectsOf(world)).toEqual(after);
    await world.days(3, 31);
    object.bytes[entries[0]!.offset + 20]! ^= 1;
    await expectWhole(world, [large, other]);
    expect(versionsHeld(world)).toEqual([1, 2]);
    await world.days(1);
    expect(await namedVersions(world)).toEqual([2]);
    await expectWhole(world, files);
  });

  it(
    "a crash at any call leaves every version whole, and the next days end what it began",
    { timeout: 120_000 },
    async () => {
      for (let crash = 0; ; crash++) {
        const { world, files } = await drive(new EditedDrive(2), 300 * KiB);
        await world.rewrite();
        if (await world.crashes(crash)) {
          expect(crash).toBeGreaterThan(20);
          return;
        }
        await expectWhole(world, files);
        await world.days(4, 31);
        await expectWhole(world, files);
        expect(versionsHeld(world), `crash ${crash}`).toEqual([2]);
        const packs = [...world.drive.store.state.packs.keys()];
        expect(objectsOf(world), `crash ${crash}`).toEqual(packs.map((id) => packKey(TENANT, id)).toSorted());
      }
    },
  );
});
