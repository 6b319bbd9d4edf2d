/** docs/spec/durability.md, SC1 to RC3, over real packs in memory; the real stores: workers/queue-consumers/scrub.test.ts. */
import { describe, expect, it } from "vitest";
import type { FileRow } from "../files/model.ts";
import { parseText } from "../manifests/root.ts";
import { newPackId, packKey } from "../packs/format.ts";
import { DriveError } from "../protocol/errors.ts";
import { TENANT } from "../../test/support/memory/drive.ts";
import { EditedDrive } from "../../test/support/memory/edited-drive.ts";
import { MemoryObjectStore } from "../../test/support/memory/object-store.ts";
import { MemoryScrubStore } from "../../test/support/memory/scrub-store.ts";
import { reconcile, type ReconcilePlace } from "./reconcile.ts";
import { scrub, type ScrubDeps, type ScrubPlace } from "./scrub.ts";
import { traceDamage } from "./trace.ts";
import { DAY } from "../time.ts";

const noise = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

async function setUp(files = 1, page = 2_000) {
  const world = new EditedDrive();
  const store = new MemoryScrubStore(world.drive.store, page);
  const made: FileRow[] = [];
  for (let i = 0; i < files; i++) made.push(await world.file(`f${i}`, noise(20_000)));
  const outcomes: string[] = [];
  const deps: ScrubDeps = {
    tenant_id: TENANT,
    store,
    findings: store,
    engine: world.engine,
    primary: world.engine.objects,
    copy: null,
    now: () => world.drive.now,
    report: (pack_id, outcome) => void outcomes.push(`${pack_id} ${outcome}`),
  };
  const packOf = async ({ content_id }: FileRow): Promise<string> =>
    (await parseText(world.manifestOf(content_id as string))).packs[0] as string;
  return { world, store, made, outcomes, deps, packOf };
}

/** So many days, each with its tick. */
async function days(deps: ScrubDeps, world: EditedDrive, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    world.drive.now += DAY;
    for (let next = await scrub(deps, null); next !== null;) next = await scrub(deps, next);
  }
}

/** What can go wrong with an object, and how it is found. */
const DAMAGES: Record<string, (objects: MemoryObjectStore, key: string) => void> = {
  "a flipped bit in a block": (objects, key) => void (objects.objects.get(key)!.bytes[50]! ^= 1),
  "a flipped bit in the footer": (objects, key) =>
    void (objects.objects.get(key)!.bytes[objects.objects.get(key)!.bytes.length - 20]! ^= 1),
  "a byte too few": (objects, key) => {
    const object = objects.objects.get(key)!;
    objects.objects.set(key, { ...object, bytes: object.bytes.slice(0, -1) });
  },
  "a byte too many": (objects, key) => {
    const object = objects.objects.get(key)!;
    objects.objects.set(key, { ...object, bytes: new Uint8Array([...object.bytes, 0]) });
  },
  "other metadata": (objects, key) => {
    const object = objects.objects.get(key)!;
    objects.objects.set(key, { ...object, metadata: { ...object.metadata, key_version: "2" } });
  },
  "no object": (objects, key) => void objects.objects.delete(key),
};

describe("scrubbing", () => {
  it("SC1: in 90 days each pack is read once, a part of them each day", async () => {
    const { world, deps, made } = await setUp(60, 7);
    const read = new Map<string, number>();
    let most = 0;
    const primary = new Proxy(world.engine.objects, {
      get: (objects, name: keyof MemoryObjectStore) =>
        name !== "get"
          ? objects[name]
          : (key: string, offset: number, length: number) => {
              if (length === 2) read.set(key, (read.get(key) ?? 0) + 1);
              return objects.get(key, offset, length);
            },
    });
    for (let day = 0; day < 90; day++) {
      const before = read.size;
      await days({ ...deps, primary }, world, 1);
      most = Math.max(most, read.size - before);
    }
    expect([...read.values()]).toEqual(Array.from(made, () => 1));
    expect(most).toBeLessThan(20);
  });

  it("SC1: days that were missed are made up for", async () => {
    const { world, deps, store } = await setUp();
    await days(deps, world, 1);
    const begun = store.day;
    world.drive.now += 10 * DAY;
    await days(deps, world, 1);
    expect(store.day).toBe(begun + 11);
    expect(await scrub(deps, null)).toBeNull();
  });

  it.for(Object.entries(DAMAGES))("SC2, SC4: found, until it is whole again: %s", async ([, damage]) => {
    const { world, deps, store, made, outcomes, packOf } = await setUp(3);
    const [pack_id, key] = [await packOf(made[1]!), packKey(TENANT, await packOf(made[1]!))];
    const whole = world.engine.objects.objects.get(key)!;
    world.engine.objects.objects.set(key, { ...whole, bytes: whole.bytes.slice() });
    damage(world.engine.objects, key);
    await days(deps, world, 90);
    expect([...store.findings.keys()]).toEqual([`damaged/${pack_id}`]);
    expect(new Set(outcomes)).toEqual(new Set([`${pack_id} damaged`]));
    world.engine.objects.objects.set(key, whole);
    await days(deps, world, 1);
    expect(store.findings.size).toBe(0);
  });

  it.for(Object.entries(DAMAGES))("SC3: healed from a copy that is whole: %s", async ([, damage]) => {
    const { world, deps, store, made, outcomes, packOf } = await setUp(2);
    const [pack_id, key] = [await packOf(made[0]!), packKey(TENANT, await packOf(made[0]!))];
    const copy = new MemoryObjectStore();
    const whole = world.engine.objects.objects.get(key)!;
    copy.objects.set(key, { ...whole, bytes: whole.bytes.slice() });
    damage(world.engine.objects, key);
    await days({ ...deps, copy }, world, 90);
    expect(outcomes).toEqual([`${pack_id} healed`]);
    expect(store.findings.size).toBe(0);
    expect(world.engine.objects.objects.get(key)).toEqual(copy.objects.get(key));
  });

  it("SC3: a copy that is damaged itself is not taken", async () => {
    const { world, deps, store, made, packOf } = await setUp();
    const key = packKey(TENANT, await packOf(made[0]!));
    const copy = new MemoryObjectStore();
    const object = world.engine.objects.objects.get(key)!;
    copy.objects.set(key, { ...object, bytes: object.bytes.slice() });
    copy.objects.get(key)!.bytes[60]! ^= 1;
    object.bytes[50]! ^= 1;
    const before = object.bytes.slice();
    await days({ ...deps, copy }, world, 90);
    expect(store.findings.size).toBe(1);
    expect(world.engine.objects.objects.get(key)!.bytes).toEqual(before);
    expect(copy.calls.put + world.engine.objects.calls.put).toBe(1);
  });

  it("SC5: the finding names the files that the damage touches, versions of the past among them", async () => {
    const { world, deps, store, made, packOf } = await setUp(3);
    const edited = await world.edit(made[0]!, noise(10));
    const key = packKey(TENANT, await packOf(made[0]!));
    world.engine.objects.objects.get(key)!.bytes[50]! ^= 1;
    await days(deps, world, 90);
    const trace = { tenant_id: TENANT, engine: world.engine, contents: world.garbage, findings: store, pages: 1 };
    for (let after = await traceDamage(trace, ""); after !== null;) after = await traceDamage(trace, after);
    expect([...store.findings.values()].map(({ files }) => files)).toEqual([[edited.file_id]]);
    expect(await traceDamage(trace, "")).toBeNull();
  });

  it("SC6: a store that is down ends nothing: the slice goes on at the pack, which counts as damaged after five tries", async () => {
    const { world, deps, store } = await setUp(8);
    const down = new Proxy(world.engine.objects, {
      get: (objects, name: keyof MemoryObjectStore) =>
        name === "get" ? () => Promise.reject(new DriveError("unavailable", "down")) : objects[name],
    });
    let tries: number[] = [];
    for (let day = 0; tries.length < 6; day++) {
      world.drive.now += DAY;
      tries = [];
      for (let next: ScrubPlace | null = await scrub({ ...deps, primary: down }, null); next !== null;) {
        tries.push(next.tries);
        next = await scrub({ ...deps, primary: tries.length > 6 ? world.engine.objects : down }, next);
      }
      expect(day).toBeLessThan(90);
      if (tries.length > 0) break;
    }
    expect(tries.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
    expect(store.findings.size).toBe(1);
    await days(deps, world, 1);
    expect(store.findings.size).toBe(0);
  });
});

describe("reconciliation", () => {
  async function run(world: EditedDrive, store: MemoryScrubStore): Promise<string[]> {
    const { objects } = world.engine;
    const rest = { listing: objects, objects, now: () => world.drive.now, report: () => undefined };
    const deps = { tenant_id: TENANT, store, findings: store, ...rest };
    let next: ReconcilePlace | null = await reconcile(deps, null);
    while (next !== null) next = await reconcile(deps, next);
    return [...store.findings.values()].map(({ kind, pack_id }) => `${kind} ${pack_id}`).toSorted();
  }

  it("RC1, RC2: objects without a row, rows without an object, other sizes; nothing is changed", async () => {
    const { world, store, made, packOf } = await setUp(40, 3);
    world.engine.objects.page_size = 4;
    const { objects, uploaded } = world.engine.objects;
    world.drive.now += 40 * DAY;
    expect(await run(world, store)).toEqual([]);
    const [gone, longer] = [await packOf(made[5]!), await packOf(made[6]!)];
    objects.delete(packKey(TENANT, gone));
    const object = objects.get(packKey(TENANT, longer))!;
    objects.set(packKey(TENANT, longer), { ...object, bytes: new Uint8Array([...object.bytes, 1]) });
    const [stray, young] = [newPackId(world.drive.id()), newPackId(world.drive.id())];
    for (const id of [stray, young]) objects.set(packKey(TENANT, id), object);
    uploaded.set(packKey(TENANT, young), world.drive.now + 31 * DAY - DAY);
    const before = [...objects.keys()];
    world.drive.now += 31 * DAY;
    const wanted = [`no_object ${gone}`, `no_row ${stray}`, `size ${longer}`];
    expect(await run(world, store)).toEqual(wanted);
    expect([...objects.keys()]).toEqual(before);
    // Not again before a month has passed; then what is in order is forgotten.
    objects.delete(packKey(TENANT, stray));
    expect(await run(world, store)).toEqual(wanted);
    world.drive.now += 31 * DAY;
    uploaded.set(packKey(TENANT, young), world.drive.now);
    expect(await run(world, store)).toEqual([`no_object ${gone}`, `size ${longer}`]);
  });

  it("RC2: a tombstone whose object is there is told of when it has been dead for days", async () => {
    const { world, store, made, packOf } = await setUp();
    const pack_id = await packOf(made[0]!);
    world.drive.now += 40 * DAY;
    const kill = (changed_at: number) =>
      world.drive.store.interfere(({ packs }) => {
        packs.set(pack_id, { ...packs.get(pack_id)!, state: "deleted", changed_at });
      });
    kill(world.drive.now - DAY);
    expect(await run(world, store)).toEqual([]);
    world.drive.now += 40 * DAY;
    expect(await run(world, store)).toEqual([`no_row ${pack_id}`]);
  });
});
