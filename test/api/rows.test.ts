/**
 * What an operation costs in rows of D1 and calls of R2, counted where they are asked. Rows of objects: the hub has none,
 * a user's budget one in five seconds (Q7); what queues do later is counted by the bench.
 */
import { beforeAll, expect, it } from "vitest";
import type { FileRow } from "../../core/files/model.ts";
import { collect } from "../../core/storage/collect.ts";
import { readContent } from "../../core/storage/read.ts";
import type { UploadTarget } from "../../core/uploads/model.ts";
import { startUpload, storeWhole } from "../../core/uploads/service.ts";
import { FileStore } from "../../platform/d1/shard/file-store.ts";
import { bindings, DriveFixture } from "../support/workerd/drive-fixture.ts";
import { WatchedD1 } from "../support/workerd/watched-d1.ts";
import { WatchedR2 } from "../support/workerd/watched-r2.ts";

const SIZE = 5_000_000;

const watched = new WatchedD1(bindings.SHARD_00!);
const r2 = new WatchedR2(bindings.BLOBS);
let drive: DriveFixture;
let file: FileRow;
let serial = 0;
let seed = 0;

const target = (name = `file ${serial++}`): UploadTarget => {
  const rest = { mime_type: null, modified_at: null } as const;
  return { kind: "file", parent_id: drive.root, name, on_name_conflict: "fail", ...rest };
};

/** New bytes, but the same in every run of the test: how many hooks a content has depends on its bytes. */
function store(size: number): Promise<FileRow> {
  const bytes = new Uint32Array(Math.ceil(size / 4));
  let x = ++seed;
  for (let i = 0; i < bytes.length; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = Math.imul(x ^ (x >>> 15), 0x85ebca6b);
  }
  const body = new Blob([new Uint8Array(bytes.buffer, 0, size)]).stream();
  return storeWhole(drive.uploads, drive.caller(), target(), body, size);
}

/** Rows written, and calls of R2. */
async function cost(work: () => Promise<unknown>): Promise<{ rows: number; class_a: number; class_b: number }> {
  const before = { ...watched.rows };
  const calls = await r2.count(work);
  return { rows: watched.rows.written - before.written, ...calls };
}

beforeAll(async () => {
  drive = await DriveFixture.create("SHARD_00", () => watched.db, r2.bucket);
  // The first byte of a tenant makes its key.
  file = await store(SIZE);
});

it("U1: a new file is one call of R2 and eleven rows, with all indexes, journal and guards", async () => {
  expect(await cost(() => store(4096))).toEqual({ rows: 11, class_a: 1, class_b: 0 });
});

it("U1, M10: a new file of 5 MB is one call of R2 and fourteen rows at most, its hooks among them", async () => {
  const spent = await cost(() => store(SIZE));
  expect(spent).toMatchObject({ class_a: 1, class_b: 0 });
  expect(spent.rows).toBeGreaterThanOrEqual(11);
  expect(spent.rows).toBeLessThanOrEqual(14);
});

it("CF1, CF3: what a sync client sends costs as much, and a conflict no row more", async () => {
  const { file_id, vector } = await store(4096);
  const device = { user_id: drive.root, device_id: drive.id(), device_name: "Laptop" };
  const body = () => new Blob([crypto.getRandomValues(new Uint8Array(4096))]).stream();
  const version = { kind: "version", file_id, if_version_id: null, mime_type: null, modified_at: null } as const;
  const put = (base: Record<string, number>) => () =>
    storeWhole(drive.uploads, { ...drive.caller(), actor: device }, { ...version, base }, body(), 4096);
  const asked = { ...version, base: undefined };
  const plain = await cost(() => storeWhole(drive.uploads, drive.caller(), asked, body(), 4096));
  const seen = await cost(put({ server: 2 }));
  const conflict = await cost(put(vector));
  expect([seen.rows, seen.class_a]).toEqual([plain.rows, 1]);
  expect(conflict).toMatchObject({ class_a: 1, class_b: 0 });
  expect(conflict.rows, "as many as a new file").toBeLessThanOrEqual(11);
});

it("U11: a duplicate touches no object", async () => {
  const spent = await cost(async () => {
    const started = await startUpload(drive.uploads, drive.caller(), target(), SIZE, file.content_hash);
    expect(started.instant).toBe(true);
  });
  expect(spent.rows).toBeLessThanOrEqual(8);
  expect([spent.class_a, spent.class_b]).toEqual([0, 0]);
});

it("a copy and a restore are rows only", async () => {
  const copy = await cost(() => drive.run({ op: "create_from", source_file_id: file.file_id, target: target() }));
  expect(copy).toEqual({ rows: 8, class_a: 0, class_b: 0 });
  const version_id = file.version_id as string;
  const restore = await cost(() => drive.run({ op: "restore_version", file_id: file.file_id, version_id }));
  expect(restore).toEqual({ rows: 8, class_a: 0, class_b: 0 });
});

it("S1: a download writes nothing; 5 MB are three reads", async () => {
  const files = new FileStore(watched.db, drive.tenant);
  const spent = await cost(async () => {
    const { content } = await files.bytes({ kind: "user", user_id: drive.root }, file.file_id, null);
    const bytes = await collect(await readContent(drive.engine, drive.tenant, content!.manifest, 0, SIZE), SIZE);
    expect(bytes.length).toBe(SIZE);
  });
  expect(spent).toEqual({ rows: 0, class_a: 0, class_b: 3 });
});

it("what is purged costs its rows, and no call of R2", async () => {
  const { file_id } = await store(4096);
  await drive.run({ op: "trash", file_id });
  const spent = await cost(() => drive.run({ op: "purge", file_id }));
  expect(spent).toMatchObject({ class_a: 0, class_b: 0 });
  expect(spent.rows).toBeLessThanOrEqual(9);
});
