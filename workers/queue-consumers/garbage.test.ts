/** docs/spec/durability.md, G6 to G13, through real databases, buckets and hubs. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { FileRow } from "../../core/files/model.ts";
import { stateKey } from "../../core/garbage/round-state.ts";
import { collectGarbage, type GarbageDeps, type NextSlice } from "../../core/garbage/round.ts";
import { parseText } from "../../core/manifests/root.ts";
import { packKey } from "../../core/packs/format.ts";
import { collect } from "../../core/storage/collect.ts";
import type { ObjectStore } from "../../core/storage/ports.ts";
import { readContent } from "../../core/storage/read.ts";
import { D1GarbageStore } from "../../platform/d1/shard/garbage-store.ts";
import { DerivedStore } from "../../platform/derived/derived-store.ts";
import { movedClock } from "../../test/support/clock.ts";
import { bindings, DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { WatchedD1 } from "../../test/support/workerd/watched-d1.ts";

const derived = new DerivedStore((env as unknown as { DERIVED: R2Bucket }).DERIVED);

const { later } = movedClock();

let drive: DriveFixture;

beforeEach(async () => {
  drive = await DriveFixture.create();
});

/** A day passes, and its sweeps run. */
async function day(pipeline = new Pipeline()): Promise<void> {
  later(1);
  await pipeline.tick();
}

async function purge({ file_id }: FileRow): Promise<void> {
  await drive.run({ op: "trash", file_id });
  await drive.run({ op: "purge", file_id });
}

const setTenant = (column: string, value: unknown) =>
  drive.shard.prepare(`update tenants set ${column} = ?2 where tenant_id = ?1`).bind(drive.tenant, value).run();

async function packs(): Promise<Record<string, string>> {
  const { results } = await drive.shard
    .prepare("select pack_id, state from packs where tenant_id = ?1")
    .bind(drive.tenant)
    .all<{ pack_id: string; state: string }>();
  return Object.fromEntries(results.map(({ pack_id, state }) => [pack_id, state]));
}

const states = async (): Promise<string[]> => Object.values(await packs()).toSorted();

const objects = (): Promise<string[]> => drive.engine.objects.list(`${drive.tenant}/`);

const manifestOf = async ({ content_id }: FileRow): Promise<string> =>
  (await drive.shard
    .prepare("select manifest from contents where tenant_id = ?1 and content_id = ?2")
    .bind(drive.tenant, content_id)
    .first("manifest")) as string;

const packOf = async (file: FileRow): Promise<string> => (await parseText(await manifestOf(file))).packs[0] as string;

const reports: string[] = [];

const depsOf = (shard = drive.shard, pages = 40): GarbageDeps => ({
  tenant_id: drive.tenant,
  store: new D1GarbageStore(shard, drive.tenant),
  engine: drive.engine,
  forget: async () => undefined,
  done: async () => undefined,
  pages,
  now: () => Date.now(),
  report: (content_id) => void reports.push(content_id),
});

/** A whole round, slice by slice. @returns how many */
async function round(deps = depsOf()): Promise<number> {
  let slices = 1;
  for (let next = await collectGarbage(deps, null); next !== null; slices++) next = await collectGarbage(deps, next);
  return slices;
}

describe("G7, G8: the life of a pack", () => {
  it("is condemned when nothing needs it, deleted after the grace, forgotten in the end; others are left alone", async () => {
    const [kept, gone] = [await drive.file("kept", noise(100)), await drive.file("gone", noise(100))];
    await derived.putNone(drive.tenant, gone.content_id as string);
    await day();
    expect(await states()).toEqual(["live", "live"]);
    await purge(gone);
    await day();
    expect(await states()).toEqual(["condemned", "live"]);
    expect(await derived.hasNone(drive.tenant, gone.content_id as string)).toBe(false);
    later(28.9);
    await day();
    expect(await objects()).toHaveLength(2);
    await day();
    expect(await states()).toEqual(["deleted", "live"]);
    expect(await objects()).toEqual([packKey(drive.tenant, await packOf(kept))]);
    later(29);
    await day();
    expect(await states()).toEqual(["live"]);
    expect(await drive.read(kept.file_id)).toHaveLength(100);
  });

  it("a pack that became live less than a day ago is left alone, also when nothing needs it", async () => {
    await purge(await drive.file("gone", noise(100)));
    later(0.9);
    await round();
    expect(await states()).toEqual(["live"]);
    later(0.2);
    await round();
    expect(await states()).toEqual(["condemned"]);
  });

  it("what needs a condemned pack after all makes it live again", async () => {
    const file = await drive.file("file", noise(100));
    await drive.shard
      .prepare("update packs set state = 'condemned', changed_at = 1, round = 'x' where tenant_id = ?1")
      .bind(drive.tenant)
      .run();
    later(100);
    await round();
    expect(await states()).toEqual(["live"]);
    expect(await drive.read(file.file_id)).toHaveLength(100);
  });

  it("G2: a copy keeps what its source came with", async () => {
    const source = await drive.file("source", noise(100));
    const target = { kind: "file", parent_id: drive.root, name: "copy", on_name_conflict: "fail" } as const;
    const { file } = await drive.run({
      op: "create_from",
      source_file_id: source.file_id,
      target: { ...target, mime_type: null, modified_at: null },
    });
    await purge(source);
    for (const days of [2, 40, 40]) {
      later(days);
      await round();
    }
    expect(await drive.read((file as FileRow).file_id)).toHaveLength(100);
    await purge(file as FileRow);
    for (const days of [2, 40, 40]) {
      later(days);
      await round();
    }
    expect([await objects(), await packs()]).toEqual([[], {}]);
  });
});

describe("leases", () => {
  it("a long download is not cut when its file is deleted, however many rounds run within the grace", async () => {
    const bytes = noise(30 * 1024 * 1024);
    const file = await drive.file("long", bytes);
    const body = await readContent(drive.engine, drive.tenant, await manifestOf(file), 0, bytes.length);
    const reader = body.getReader();
    const pieces = [(await reader.read()).value as Uint8Array];
    await purge(file);
    // The first one condemns; 29.9 days of grace go by.
    for (const days of [2, 10, 10, 9.9]) {
      later(days);
      await round();
      expect(await states()).toEqual(["condemned"]);
    }
    for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value);
    const got = new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    expect(got.length).toBe(bytes.length);
    expect(got.every((byte, i) => byte === bytes[i])).toBe(true);
  });

  it("G13: an erasure cuts it with an error, never with other bytes", async () => {
    const bytes = noise(30 * 1024 * 1024);
    const file = await drive.file("long", bytes);
    const body = await readContent(drive.engine, drive.tenant, await manifestOf(file), 0, bytes.length);
    await setTenant("grace_days", 0);
    await purge(file);
    await round();
    expect(await objects()).toEqual([]);
    await expect(collect(body, bytes.length)).rejects.toMatchObject({ code: "integrity_error" });
  });
});

describe("G13: at once", () => {
  it("without a grace one job condemns and deletes, and leaves what is needed", async () => {
    await setTenant("grace_days", 0);
    const kept = await drive.file("kept", noise(100));
    await purge(await drive.file("gone", noise(100)));
    await day();
    expect(await states()).toEqual(["deleted", "live"]);
    expect(await objects()).toEqual([packKey(drive.tenant, await packOf(kept))]);
  });

  it("G11: of a tenant that lies in another shard by now everything is left", async () => {
    const file = await drive.file("file", noise(100));
    const { DIRECTORY } = env as unknown as { DIRECTORY: D1Database };
    const move = (shard: string) =>
      DIRECTORY.prepare("update tenants set shard = ?2 where tenant_id = ?1").bind(drive.tenant, shard).run();
    await move("SHARD_01");
    await setTenant("state", "deleted");
    await day();
    await move("SHARD_00");
    expect([await objects(), await states()]).toEqual([[packKey(drive.tenant, await packOf(file))], ["live"]]);
  });

  it("of a deleted tenant nothing is left", async () => {
    await drive.file("file", noise(100));
    await setTenant("state", "deleted");
    await day();
    expect([await objects(), await states()]).toEqual([[], ["deleted"]]);
  });
});

describe("G10: slices", () => {
  /** Three living files and two purged ones, in five packs. */
  async function make(): Promise<FileRow[]> {
    const files = await Promise.all(Array.from({ length: 5 }, (_, i) => drive.file(`f${i}`, noise(50))));
    for (const file of files.slice(3)) await purge(file);
    later(2);
    return files.slice(0, 3);
  }

  it("a round of many slices does what a round of one does, and leaves no object", async () => {
    await make();
    expect(await round(depsOf(drive.shard, 1))).toBeGreaterThan(3);
    expect(await states()).toEqual(["condemned", "condemned", "live", "live", "live"]);
    expect(await bindings.BLOBS.head(stateKey(drive.tenant))).toBeNull();
  });

  it("a message that comes twice or late is dropped; a lost one is made up for by the next day's tick", async () => {
    await make();
    const deps = depsOf(drive.shard, 1);
    const first = (await collectGarbage(deps, null)) as NextSlice;
    const second = (await collectGarbage(deps, first)) as NextSlice;
    expect(await collectGarbage(deps, first)).toBeNull();
    expect(second.step).toBe(2);
    // The message with `second` is lost.
    const resumed = (await collectGarbage(deps, null)) as NextSlice;
    expect(resumed).toEqual({ round: second.round, step: 3 });
    later(3);
    const anew = (await collectGarbage(deps, null)) as NextSlice;
    expect(anew.round).not.toBe(resumed.round);
    expect(await collectGarbage(deps, resumed)).toBeNull();
    await round();
    expect(await states()).toEqual(["condemned", "condemned", "live", "live", "live"]);
  });

  it("through the queue: a slice that crashes is tried again", async () => {
    await make();
    let calls = 0;
    const failing = new Proxy(bindings.BLOBS, {
      get: (bucket, name: keyof R2Bucket) =>
        name === "delete" ? () => Promise.reject(new Error(`down ${calls++}`)) : bucket[name].bind(bucket),
    });
    await new Pipeline({ BLOBS: failing }).tick();
    expect(calls).toBeGreaterThan(0);
    await day();
    expect(await states()).toEqual(["condemned", "condemned", "live", "live", "live"]);
  });
});

describe("G12: manifests", () => {
  it("one that does not open is reported, and nothing is condemned or deleted while it is there", async () => {
    const [damaged, gone] = [await drive.file("damaged", noise(100)), await drive.file("gone", noise(100))];
    const whole = await manifestOf(damaged);
    const setManifest = (manifest: string) =>
      drive.shard
        .prepare("update contents set manifest = ?2 where content_id = ?1")
        .bind(damaged.content_id, manifest)
        .run();
    await setManifest(`A${whole.slice(1)}A`);
    await purge(gone);
    later(2);
    reports.length = 0;
    await round();
    expect(reports).toEqual([damaged.content_id]);
    expect(await states()).toEqual(["live", "live"]);
    await setManifest(whole);
    await round();
    expect(await states()).toEqual(["condemned", "live"]);
  });
});

describe("G6: a crash between the row of a deleted pack and its object", () => {
  it("is made good by the next round", async () => {
    await purge(await drive.file("gone", noise(100)));
    later(2);
    await round();
    later(40);
    const { objects: real } = drive.engine;
    const crashed = {
      get: (key: string, offset: number, length: number) => real.get(key, offset, length),
      delete: () => Promise.reject(new Error("crash")),
    } as unknown as ObjectStore;
    const crashing = { ...depsOf(), engine: { ...drive.engine, objects: crashed } };
    await expect(round(crashing)).rejects.toThrow("crash");
    expect([await states(), (await objects()).length]).toEqual([["deleted"], 1]);
    await round();
    expect(await objects()).toEqual([]);
  });
});

describe("costs", () => {
  it("one row read for a content and for a pack; three written for a pack that is freed", async () => {
    const files: FileRow[] = [];
    for (let i = 0; i < 40; i++) files.push(await drive.file(`f${i}`, noise(50)));
    const [kept, freed] = [30, 10];
    for (const file of files.slice(kept)) await purge(file);
    const watched = new WatchedD1(drive.shard);
    later(2);
    const condemning = await watched.count(() => round(depsOf(watched.db)));
    later(31);
    const deleting = await watched.count(() => round(depsOf(watched.db)));
    // A few rows a statement: the tenant's own, the lists.
    const few = 40;
    expect(condemning.written).toBeLessThanOrEqual(2 * freed + 1);
    expect(deleting.written).toBeLessThanOrEqual(freed + 1);
    expect(deleting.read).toBeLessThanOrEqual(kept + (kept + freed) + 3 * freed + few);
  });
});
