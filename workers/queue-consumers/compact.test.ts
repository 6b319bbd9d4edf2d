/** docs/spec/durability.md, C1 to C9, through real databases, buckets, hubs and queues. */
import { beforeEach, describe, expect, it } from "vitest";
import { compact, MOVED_MAX } from "../../core/compaction/compact.ts";
import type { FileRow } from "../../core/files/model.ts";
import { collectGarbage } from "../../core/garbage/round.ts";
import { BoundedCache } from "../../core/keys/bounded-cache.ts";
import { addLeaves } from "../../core/manifests/leaves.ts";
import type { Entry, Node } from "../../core/manifests/node.ts";
import { parseText } from "../../core/manifests/root.ts";
import { packKey } from "../../core/packs/format.ts";
import { BlockReader } from "../../core/storage/block-reader.ts";
import { PackSeries, writeRoot } from "../../core/storage/write.ts";
import { D1CompactionStore } from "../../platform/d1/shard/compaction-store.ts";
import { D1GarbageStore } from "../../platform/d1/shard/garbage-store.ts";
import { R2ObjectStore } from "../../platform/r2/object-store.ts";
import { movedClock } from "../../test/support/clock.ts";
import { bindings, DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { WatchedD1 } from "../../test/support/workerd/watched-d1.ts";
import { WatchedR2 } from "../../test/support/workerd/watched-r2.ts";

const MiB = 1024 * 1024;

const { later } = movedClock();

let drive: DriveFixture;

beforeEach(async () => {
  drive = await DriveFixture.create();
});

async function day(pipeline = new Pipeline()): Promise<void> {
  later(1);
  // A minute in which the sweep of uploads runs, too.
  await pipeline.tick(new Date("2026-11-20T10:10:00Z"));
}

const manifestOf = async ({ content_id }: FileRow): Promise<string> =>
  (await drive.shard
    .prepare("select manifest from contents where tenant_id = ?1 and content_id = ?2")
    .bind(drive.tenant, content_id)
    .first("manifest")) as string;

const packsOf = async (file: FileRow): Promise<string[]> => (await parseText(await manifestOf(file))).packs;

async function states(): Promise<Record<string, string>> {
  const { results } = await drive.shard
    .prepare("select pack_id, state from packs where tenant_id = ?1")
    .bind(drive.tenant)
    .all<{ pack_id: string; state: string }>();
  return Object.fromEntries(results.map(({ pack_id, state }) => [pack_id, state]));
}

/** A version that has the first blocks of the one before, and nothing of its own but a leaf. */
async function shorten(file: FileRow, size: number, share: number): Promise<{ file: FileRow; size: number }> {
  const reader = new BlockReader(drive.engine, drive.tenant);
  const root = await reader.root(await manifestOf(file));
  const entries: Entry[] = [];
  for await (const { entry } of reader.data(root, 0, Math.floor(size * share))) entries.push(entry);
  const length = entries.reduce((sum, { span }) => sum + span, 0);
  const upload = drive.upload(file.name, length, { file_id: file.file_id });
  await drive.run({ op: "reserve_upload", upload });
  const series = new PackSeries(drive.engine, drive.tenant, upload.upload_id);
  const pack = await series.open(1000);
  const leaves = await addLeaves(pack, 14, entries);
  await series.finish(pack);
  const packs = [...root.packs, pack.pack_id];
  const manifest = await writeRoot(series, { kind: "root", bits: 14, size: length, packs, entries: leaves });
  const rest = { content_id: drive.id(), content_hash: null, hooks: [], integrity: "pending" } as const;
  const content = { ...rest, size: length, manifest, packs: series.finished, borrowed: root.packs };
  const { upload_id, target } = upload;
  const made = await drive.run({ op: "commit_upload", upload_id, target, content: content as never });
  return { file: made.file as FileRow, size: length };
}

/** A file of which the newest version has a fifth of the first one, which is gone. */
async function shrunk(name: string, size = 2 * MiB) {
  const bytes = noise(size);
  const first = await drive.file(name, bytes);
  const [old] = (await packsOf(first)) as [string];
  const short = await shorten(first, size, 0.2);
  const { file_id } = first;
  await drive.run({ op: "purge_version", file_id, version_id: first.version_id as string });
  return { ...short, old, bytes: bytes.subarray(0, short.size) };
}

const deps = (shard = drive.shard, engine = drive.engine) => ({
  tenant_id: drive.tenant,
  store: new D1CompactionStore(shard, drive.tenant),
  contents: new D1GarbageStore(shard, drive.tenant),
  engine,
  pages: 40,
  blocks: MOVED_MAX,
  now: () => Date.now(),
  copyLater: async () => undefined,
  report: (_what: object, error: unknown) => {
    throw error;
  },
});

describe("C1 to C7: compaction", () => {
  it("follows the day's round: the file is read from other packs, and the old one goes after the grace", async () => {
    const { file, old, bytes } = await shrunk("file");
    later(1);
    await day();
    expect(await packsOf(file)).not.toContain(old);
    expect(await drive.read(file.file_id)).toEqual(bytes);
    expect((await states())[old]).toBe("live");
    await day();
    expect((await states())[old]).toBe("condemned");
    later(30);
    await day();
    expect(await bindings.BLOBS.head(packKey(drive.tenant, old))).toBeNull();
    expect(await drive.read(file.file_id)).toEqual(bytes);
    const { results } = await drive.shard
      .prepare("select upload_id from uploads where tenant_id = ?1 and state = 'aborted'")
      .bind(drive.tenant)
      .all();
    expect(results).toEqual([]);
    const live = Object.entries(await states()).flatMap(([id, state]) => (state === "deleted" ? [] : [id]));
    const kept = await drive.engine.objects.list(`${drive.tenant}/`);
    expect(kept.toSorted()).toEqual(live.map((pack_id) => packKey(drive.tenant, pack_id)).toSorted());
  });

  it("a download that began before goes on; a crash of the job is made up for", async () => {
    const { file, old, bytes } = await shrunk("file");
    later(1);
    let calls = 0;
    const failing = new Proxy(bindings.BLOBS, {
      get: (bucket, name: keyof R2Bucket) =>
        name === "put" ? () => Promise.reject(new Error(`down ${calls++}`)) : bucket[name].bind(bucket),
    });
    await day(new Pipeline({ BLOBS: failing, BLOBS_REPLICA: undefined }));
    expect(calls).toBeGreaterThan(0);
    expect(await packsOf(file)).toContain(old);
    const manifest = await manifestOf(file);
    await day();
    expect(await packsOf(file)).not.toContain(old);
    const reader = new BlockReader(drive.engine, drive.tenant);
    let at = 0;
    for await (const { entry } of reader.data(await reader.root(manifest), 0, bytes.length))
      for await (const { raw } of reader.open(await reader.read({ entries: [entry], length: entry.stored }))) {
        expect(raw).toEqual(bytes.slice(at, at + raw.length));
        at += raw.length;
      }
    expect(at).toBe(bytes.length);
  });
});

describe("costs", () => {
  it("C11: two rows read for a content and one for a pack; one written for a manifest and a new pack; few calls for an old pack", async () => {
    const [others, made] = [30, 4];
    for (let i = 0; i < others; i++) await drive.file(`other ${i}`, noise(50));
    for (let i = 0; i < made; i++) await shrunk(`shrunk ${i}`, MiB);
    later(2);
    const silent = { forget: async () => undefined, done: async () => undefined, report: () => undefined };
    const round = { ...deps(), ...silent, store: new D1GarbageStore(drive.shard, drive.tenant) };
    expect(await collectGarbage(round, null)).toBeNull();
    const watched = new WatchedD1(drive.shard);
    const bucket = new WatchedR2(bindings.BLOBS);
    const engine = { ...drive.engine, objects: new R2ObjectStore(bucket.bucket), leaves: new BoundedCache<Node>(64) };
    const rows = await watched.count(() => compact(deps(watched.db, engine), null));
    const contents = others + made;
    const packs = others + 2 * made;
    expect(rows.read).toBeLessThanOrEqual(2 * contents + packs + 9 * made);
    // The run's own row, two new packs, a manifest for each content.
    expect(rows.written).toBeLessThanOrEqual(1 + 2 + made);
    // A trailer, a footer and one read of the blocks for each old pack, its leaves twice; two new packs; no state.
    expect(bucket.calls.class_b).toBeLessThanOrEqual(5 * made + 1);
    expect(bucket.calls.class_a).toBe(2);
  });
});
