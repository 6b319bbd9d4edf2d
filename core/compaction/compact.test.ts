/** docs/spec/durability.md, C1 to C10, over real packs in memory; the real stores: workers/queue-consumers/compact.test.ts. */
import { describe, expect, it } from "vitest";
import { parseText } from "../manifests/root.ts";
import { packKey } from "../packs/format.ts";
import { EditedDrive, noise } from "../../test/support/memory/edited-drive.ts";
import { TENANT } from "../../test/support/memory/drive.ts";
import { memoryEngine, same } from "../../test/support/memory/engine.ts";
import { Allowance } from "../storage/allowance.ts";
import { readContent } from "../storage/read.ts";
import type { FileRow } from "../files/model.ts";
import { compact } from "./compact.ts";
import { DAY } from "../time.ts";

const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

const KiB = 1024;
const MiB = 1024 * KiB;

/** A file of which a version with few blocks of the first one is left. */
async function shrunk(world = new EditedDrive(), size = 2 * MiB, kept = 0.2, name = "file") {
  const bytes = noise(size);
  const first = await world.file(name, bytes);
  const now = joined(bytes.subarray(0, Math.floor(size * kept)), noise(1000));
  const file = await world.edit(first, now);
  await world.keep(file.file_id, 1);
  const [old] = (await parseText(world.manifestOf(first.content_id as string))).packs as [string];
  world.drive.now += 2 * DAY;
  await world.round();
  return { world, file, bytes: now, old };
}

const isWhole = async (world: EditedDrive, file: FileRow, bytes: Uint8Array): Promise<boolean> =>
  same(await world.read(file.content_id as string), bytes);

const packsOf = async (world: EditedDrive, { content_id }: FileRow): Promise<string[]> =>
  (await parseText(world.manifestOf(content_id as string))).packs;

describe("C1, C2: which packs", () => {
  it("one of which less than half is alive is left by its contents, condemned and deleted", async () => {
    const { world, file, bytes, old } = await shrunk();
    const before = world.storedBytes;
    expect(await world.compact()).toBe(1);
    expect(await packsOf(world, file)).not.toContain(old);
    expect(await isWhole(world, file, bytes)).toBe(true);
    await world.days(1);
    expect(world.drive.store.state.packs.get(old)?.state).toBe("condemned");
    await world.days(2, 31);
    expect(world.engine.objects.objects.has(packKey(TENANT, old))).toBe(false);
    expect(await isWhole(world, file, bytes)).toBe(true);
    expect(world.storedBytes).toBeLessThan(0.4 * before);
  });

  it("one that is more than half alive is left alone, and not looked at again until it loses more", async () => {
    const { world, file, old } = await shrunk(new EditedDrive(), 2 * MiB, 0.7);
    expect(world.drive.store.state.packs.get(old)?.is_shrunk).toBe(true);
    await world.compact();
    expect(await packsOf(world, file)).toContain(old);
    expect(world.drive.store.state.packs.get(old)?.is_shrunk).toBe(false);
    const gets = world.engine.objects.calls.get;
    await world.compact();
    expect(world.engine.objects.calls.get - gets).toBeLessThanOrEqual(1);
  });

  it("a loss while the blocks are counted is not forgotten", async () => {
    const { world, old } = await shrunk(new EditedDrive(), 2 * MiB, 0.7);
    const contents = world.garbage.contents.bind(world.garbage);
    const crossing = {
      contents: async (after: string) => {
        world.garbage.round = "f".repeat(16);
        return contents(after);
      },
    };
    await world.compact({ contents: crossing });
    expect(world.drive.store.state.packs.get(old)?.is_shrunk).toBe(true);
  });

  it("each block counts once, however many versions have it; packs under 64 KiB and young ones are left alone", async () => {
    const world = new EditedDrive();
    const bytes = noise(2 * MiB);
    let file = await world.file("file", bytes);
    const [old] = (await packsOf(world, file)) as [string];
    const now = bytes.slice(0, 400 * KiB);
    for (let i = 0; i < 10; i++) file = await world.edit(file, joined(now, noise(1000)));
    await world.keep(file.file_id, 8);
    const small = await world.file("small", noise(50 * KiB));
    const half = await world.edit(small, noise(10));
    await world.keep(half.file_id, 1);
    await world.round();
    await world.compact();
    expect(await packsOf(world, file), "it is young").toContain(old);
    world.drive.now += 2 * DAY;
    await world.compact();
    expect(await packsOf(world, file)).not.toContain(old);
    const { contents } = world.drive.store.state;
    for (const { content_id } of world.drive.store.state.versions.values())
      expect((await world.read(content_id)).length).toBe(contents.get(content_id)!.size);
    expect([...world.drive.store.state.packs.values()].filter((p) => p.is_shrunk && p.size < 64 * KiB)).toEqual([]);
  });
});

describe("C4 to C6: copies and manifests", () => {
  it("leaves and roots in packs of their own are made anew; versions go on sharing them", async () => {
    const world = new EditedDrive();
    const bytes = noise(16 * MiB);
    const first = await world.file("file", bytes);
    const versions: [FileRow, Uint8Array][] = [];
    let file = first;
    let now = bytes.slice(0, 6 * MiB);
    for (let i = 0; i < 4; i++) {
      now = now.slice();
      now.set(noise(4 * KiB), (i + 1) * MiB);
      file = await world.edit(file, now);
      versions.push([file, now]);
    }
    await world.keep(file.file_id, 4);
    const olds = (await parseText(world.manifestOf(first.content_id as string))).packs;
    world.drive.now += 2 * DAY;
    await world.round();
    await world.compact();
    for (const [version, content] of versions) {
      expect(await isWhole(world, version, content)).toBe(true);
      expect((await packsOf(world, version)).filter((pack_id) => olds.includes(pack_id))).toEqual([]);
    }
    const needed = await world.neededBytes();
    expect(needed).toBeLessThan(6.5 * MiB);
    await world.days(3, 31);
    expect(world.storedBytes).toBeLessThan(1.1 * needed);
  });

  it("a damaged block is reported, and its pack left alone; others are compacted", async () => {
    const world = new EditedDrive();
    const one = await shrunk(world);
    const two = await shrunk(world, MiB, 0.3, "other");
    const key = packKey(TENANT, one.old);
    const object = world.engine.objects.objects.get(key)!;
    object.bytes[100]! ^= 1;
    await world.compact();
    expect(world.reports).toEqual([{ pack_id: one.old }]);
    expect(await packsOf(world, one.file)).toContain(one.old);
    expect(await packsOf(world, two.file)).not.toContain(two.old);
    expect(await isWhole(world, two.file, two.bytes)).toBe(true);
    object.bytes[100]! ^= 1;
    expect(await isWhole(world, one.file, one.bytes)).toBe(true);
  });

  it("an edit that commits meanwhile keeps its manifest, and borrows what it borrowed", async () => {
    const { world, file, bytes, old } = await shrunk();
    const exchange = world.compaction.exchange.bind(world.compaction);
    let edited: FileRow | undefined;
    const now = joined(bytes, noise(100));
    world.compaction.exchange = async (...args) => {
      edited ??= await world.edit(file, now);
      return exchange(...args);
    };
    await world.compact();
    expect(await packsOf(world, edited as FileRow)).toContain(old);
    expect(await packsOf(world, file)).not.toContain(old);
    await world.days(1);
    expect(world.drive.store.state.packs.get(old)?.state).toBe("live");
    expect(await packsOf(world, edited as FileRow)).not.toContain(old);
    await world.days(3, 31);
    expect(await isWhole(world, edited as FileRow, now)).toBe(true);
    expect(world.engine.objects.objects.has(packKey(TENANT, old))).toBe(false);
  });

  it("a manifest that another one took the place of meanwhile is left alone", async () => {
    const { world, file } = await shrunk();
    const exchange = world.compaction.exchange.bind(world.compaction);
    world.compaction.exchange = async (...args) => {
      world.drive.store.interfere(({ contents }) => {
        const content = contents.get(file.content_id as string)!;
        contents.set(content.content_id, { ...content, manifest: "another" });
      });
      const swapped = await exchange(...args);
      expect(swapped).toBe(0);
      return swapped;
    };
    await world.compact();
    expect(world.manifestOf(file.content_id as string)).toBe("another");
  });
});

describe("C8, C9: crashes, slices, messages", () => {
  it("slice by slice it comes to the same", async () => {
    const { world, file, bytes, old } = await shrunk(new EditedDrive(2));
    expect(await world.compact({ pages: 1 })).toBeGreaterThan(4);
    expect(await packsOf(world, file)).not.toContain(old);
    expect(await isWhole(world, file, bytes)).toBe(true);
    expect([...world.engine.objects.objects.keys()].filter((key) => key.startsWith("compaction/"))).toEqual([]);
  });

  it("a late or repeated message is dropped; a lost one is made up for by the next tick", async () => {
    const { world, file, old } = await shrunk(new EditedDrive(2));
    const deps = world.compactionDeps({ pages: 1 });
    const first = (await compact(deps, null))!;
    const second = (await compact(deps, first))!;
    expect(await compact(deps, first)).toBeNull();
    const resumed = (await compact(deps, null))!;
    expect(resumed).toEqual({ run: second.run, step: second.step + 1 });
    world.drive.now += 3 * DAY;
    expect(await compact(deps, resumed)).toBeNull();
    expect((await compact(deps, null))!.run).not.toBe(first.run);
    await world.compact();
    expect(await packsOf(world, file)).not.toContain(old);
  });

  it("a crash at any call leaves only what the sweep of uploads finds, and every version whole", async () => {
    for (let crash = 0; ; crash++) {
      const { world, file, bytes, old } = await shrunk(new EditedDrive(2), 300 * KiB);
      if (await world.crashes(crash)) {
        expect(crash).toBeGreaterThan(10);
        return;
      }
      expect(await isWhole(world, file, bytes)).toBe(true);
      await world.days(4, 31);
      expect(await isWhole(world, file, bytes)).toBe(true);
      const packs = [...world.drive.store.state.packs.values()];
      expect([...world.engine.objects.objects.keys()].toSorted(), `crash ${crash}`).toEqual(
        packs.map(({ pack_id }) => packKey(TENANT, pack_id)).toSorted(),
      );
      expect(packs.map(({ pack_id }) => pack_id)).not.toContain(old);
      expect([...world.drive.store.state.uploads.values()].filter(({ state }) => state === "aborted")).toEqual([]);
    }
  });

  it("new packs whose time is over get no row any more: the sweep may have deleted them", async () => {
    const { world, file, old } = await shrunk(new EditedDrive(2));
    const deps = world.compactionDeps({ pages: 1 });
    const { exchange } = world.compaction;
    world.compaction.exchange = async (...args) => {
      world.drive.store.interfere(({ uploads }) => uploads.delete(args[0]));
      return exchange.apply(world.compaction, args);
    };
    let next = await compact(deps, null);
    while (next !== null) next = await compact(deps, next);
    expect(await packsOf(world, file)).toContain(old);
    expect([...world.drive.store.state.packs.keys()]).toHaveLength(2);
  });
});

describe("C7: readers", () => {
  it("one whose pack is gone asks once where the bytes are now, and goes on there", async () => {
    const { world, file, bytes, old } = await shrunk(new EditedDrive(), 12 * MiB, 0.4);
    const manifest = world.manifestOf(file.content_id as string);
    // One read at a time.
    const engine = { ...memoryEngine(world.engine.objects, world.engine.store), spare: new Allowance(0) };
    let asked = 0;
    const again = async (): Promise<string> => {
      asked += 1;
      return world.manifestOf(file.content_id as string);
    };
    const options = { fleeting: false, again };
    const reader = (await readContent(engine, TENANT, manifest, 5, bytes.length - 9, options)).getReader();
    const pieces = [(await reader.read()).value as Uint8Array];
    await world.compact();
    await world.engine.objects.delete([packKey(TENANT, old)]);
    for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value);
    expect(same(joined(...pieces), bytes.subarray(5, bytes.length - 4))).toBe(true);
    expect(asked).toBe(1);
    const lost = { ...options, again: async () => manifest };
    await expect(readContent(engine, TENANT, manifest, 0, bytes.length, lost)).rejects.toMatchObject({
      code: "integrity_error",
    });
  });
});

describe("C10: space", () => {
  it.for([
    { change: 4 * KiB, what: "200 edits of 4 KiB" },
    { change: 64 * KiB, what: "200 edits of 64 KiB" },
  ])(
    "$what and 30 versions kept: at most 1.5 times what the living versions need",
    { timeout: 120_000 },
    async ({ change }) => {
      const world = new EditedDrive();
      const bytes = noise(1.5 * MiB);
      let file = await world.file("file", bytes);
      for (let i = 0; i < 200; i++) {
        bytes.set(noise(change), Math.floor(Math.random() * (bytes.length - change)));
        file = await world.edit(file, bytes);
        await world.keep(file.file_id, 30);
        if (i % 10 === 9) await world.days(1);
      }
      await world.days(3, 31);
      expect(await isWhole(world, file, bytes)).toBe(true);
      expect(world.storedBytes).toBeLessThanOrEqual(1.5 * (await world.neededBytes()));
    },
  );
});
