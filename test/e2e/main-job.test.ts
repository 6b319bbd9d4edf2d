/** The main job with real files, through the product as `npm start` runs it. Each test is one of its steps. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import type { UploadSession, UploadState } from "../../core/protocol/uploads.ts";
import { inRoot } from "../../scripts/lib/project.ts";
import { type Product, startProduct } from "../../scripts/lib/start-product.ts";
import { Archive, sha256 } from "../support/e2e/archive.ts";
import { Device, type Socket } from "../support/e2e/device.ts";
import { peakDuring, residentMemory } from "../support/e2e/resident-memory.ts";
import { sendArchive, streamUp } from "../support/e2e/senders.ts";
import { temporaryData } from "../support/spawn-product.ts";
import { waitFor } from "../support/wait-for.ts";

const MB = 1_000_000;
const MiB = 1024 * 1024;
/** Whole blocks of a tar. */
const blocks = (size: number): number => size - (size % 512);
/** The one file in the 300 MB archive. */
const ENTRY = blocks(300 * MB);
const SEED = "ada's archive";

const data = temporaryData();
let product: Product;
let laptop: Device;
let phone: Device;
let grace: Device;
let socket: Socket;
/** Where the phone was before anything was uploaded. */
let cursor: string;

const fixture = (name: string): Buffer => readFileSync(inRoot(`test/fixtures/${name}`));
const photo = fixture("upright-phone.jpg");
const letter = fixture("letter.pdf");
const note = Buffer.from("The heliotrope blooms behind the boathouse.\n");

const files: Record<"photo" | "letter" | "note" | "archive" | "stream", File> = {} as never;

/** The runtime's process; 0 while it starts again. */
const workerd = (): number => {
  const { children } = JSON.parse(readFileSync(join(data.path, "pid"), "utf8")) as { children: { pid: number }[] };
  return children[0]?.pid ?? 0;
};

const shard = (name: string) => product.mf.getD1Database(name, "edgedrive-api");

/** The one shard that has rows of this person. */
async function shardOf(person: Device): Promise<string> {
  const found = [];
  for (const name of ["SHARD_00", "SHARD_01"]) {
    const db = await shard(name);
    const statement = db.prepare("select 1 from tenants where tenant_id = ?1").bind(tenantOf(person.id));
    if ((await statement.first()) !== null) found.push(name);
  }
  expect(found).toHaveLength(1);
  return found[0]!;
}

/** The runtime's resident memory when it has just started, MiB. */
let idle: number;

beforeAll(async () => {
  product = await startProduct({ port: 0, data: data.path, crons: false });
  idle = residentMemory(workerd());
});

afterAll(async () => {
  await product?.stop();
  data[Symbol.dispose]();
});

test("step 1: two people register, one signs in on two devices", async () => {
  laptop = await Device.register(product.url, "ada");
  grace = await Device.register(product.url, "grace");
  phone = await Device.login(product.url, "ada", "Phone");
  expect(phone.id).toBe(laptop.id);
  expect(phone.signedIn.device_id).not.toBe(laptop.signedIn.device_id);
  expect(grace.id).not.toBe(laptop.id);
  const { items } = await laptop.ok<{ items: { device_id: string }[] }>("GET", "devices");
  const ids = [laptop, phone].map((device) => device.signedIn.device_id);
  expect(items.map((device) => device.device_id).toSorted()).toEqual(ids.toSorted());

  socket = await phone.listen();
  cursor = (await phone.changes("now")).next_cursor;
});

describe("step 2: uploads", () => {
  test("step 2: 90 MB in one body stream into R2 while the runtime's memory stays bounded", async () => {
    // The code is compiled and the allocator has its arenas before anything is measured.
    const somebody = await Device.register(product.url, "somebody");
    for (const name of ["warm.tar", "warmer.tar"]) await streamUp(somebody, name, new Archive(blocks(30 * MB), name));
    const archive = new Archive(blocks(90 * MB), "one body");
    const before = residentMemory(workerd());
    const peak = await peakDuring(workerd(), async () => {
      files.stream = await streamUp(laptop, "stream.tar", archive);
    });
    console.info(`resident memory of the runtime, MiB: idle ${idle}, before 90 MB ${before}, at most ${peak}`);
    // A piece is 8 MiB and the runtime has a few of them; whoever held the body would need 86 MiB for it alone.
    expect(peak - before).toBeLessThan(60);
    expect(files.stream.content_hash).toBe(archive.sha256());
    expect(await laptop.downloadHash(files.stream.file_id)).toBe(archive.sha256());
  });

  test("step 2: small files, each in one request", async () => {
    files.photo = await laptop.upload("photo.jpg", photo);
    files.letter = await laptop.upload("letter.pdf", letter);
    files.note = await laptop.upload("note.txt", note);
    expect([files.photo, files.letter, files.note].map((f) => [f.mime_type, f.size, f.content_hash])).toEqual([
      ["image/jpeg", photo.length, sha256(photo)],
      ["application/pdf", letter.length, sha256(letter)],
      ["text/plain", note.length, sha256(note)],
    ]);
  });

  test("step 2: 300 MB in parts, five in parallel in any order, sender and runtime killed half-way, resumed", async () => {
    const archive = new Archive(ENTRY, SEED);
    const json = { parent_id: "root", name: "archive.tar", size: archive.size };
    const { upload_id, part_size, max_parallel } = await laptop.ok<UploadSession>("POST", "files/upload", { json });
    expect(max_parallel).toBe(5);
    const count = Math.ceil(archive.size / part_size);
    const state = () => laptop.ok<UploadState>("GET", `uploads/${upload_id}`);
    expect((await laptop.quota()).reserved_bytes).toBe(archive.size);

    const sender = sendArchive(laptop, upload_id, ENTRY, SEED);
    await waitFor(() => sender.received().length >= count / 2, 60_000);
    sender.process.kill("SIGKILL");
    await sender.exited;
    const killed = workerd();
    process.kill(killed, "SIGKILL");
    await waitFor(() => ![0, killed].includes(workerd()) && ready(), 30_000);

    const half = await state();
    expect(half.state).toBe("open");
    expect(half.chunks.length).toBeGreaterThanOrEqual(count / 2);
    expect(half.chunks.length).toBeLessThan(count);
    // What was answered is there, and it is what was sent.
    const arrived = new Map(half.chunks.map((chunk) => [chunk.index, chunk.chunk_id]));
    for (const index of sender.received())
      expect(arrived.get(index)).toBe(sha256(archive.read(index * part_size, part_size)));

    await refusesWrongHash(upload_id, archive, half);
    const chunks = Array.from({ length: count }, (_, i) => sha256(archive.read(i * part_size, part_size)));
    const early = await laptop.ask("POST", `uploads/${upload_id}/complete`, { json: { chunks } });
    const { code, missing } = (await early.json()) as { code: string; missing: string[] };
    expect([early.status, code]).toEqual([409, "missing_chunks"]);
    expect(missing.toSorted()).toEqual(chunks.filter((_, i) => !arrived.has(i)).toSorted());

    const resumed = sendArchive(laptop, upload_id, ENTRY, SEED);
    expect(await resumed.exited).toBe(0);
    expect(resumed.received().toSorted()).toEqual(
      chunks
        .map((_, i) => i)
        .filter((i) => !arrived.has(i))
        .toSorted(),
    );
    // Nothing is visible before the completion.
    expect(await namesIn(laptop, "root")).not.toContain("archive.tar");
    files.archive = await laptop.ok<File>("POST", `uploads/${upload_id}/complete`, { json: { chunks } });
    expect(files.archive).toMatchObject({ name: "archive.tar", size: archive.size });
    expect(await laptop.downloadHash(files.archive.file_id)).toBe(archive.sha256());
    expect((await laptop.quota()).reserved_bytes).toBe(0);
  }, 300_000);
});

const ready = async (): Promise<boolean> => (await fetch(`${product.url}/readyz`).catch(() => undefined))?.ok ?? false;

/** Bytes that are not what their address says are refused before anything is recorded. */
async function refusesWrongHash(upload_id: string, archive: Archive, { part_size, chunks }: UploadState) {
  const missing = Array.from({ length: Math.ceil(archive.size / part_size) }, (_, i) => i).find(
    (i) => !chunks.some((chunk) => chunk.index === i),
  ) as number;
  const bytes = archive.read(missing * part_size, part_size);
  const path = `chunks/${sha256(bytes)}?upload_id=${upload_id}&index=${missing}`;
  bytes[1000]! ^= 1;
  const refused = await laptop.ask("PUT", path, { body: bytes });
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([422, "hash_mismatch"]);
  const after = await laptop.ok<UploadState>("GET", `uploads/${upload_id}`);
  expect(after.chunks).toEqual(chunks);
}

async function namesIn(device: Device, folder: string): Promise<string[]> {
  const { items } = await device.ok<{ items: File[] }>("GET", `folders/${folder}/contents`);
  return items.map((file) => file.name);
}

test("step 3: file and journal row land in the shard of the person's tenant, in the order that the hub gave; both shards are used", async () => {
  const theirs = await grace.upload("grace.txt", note);
  const places = [await shardOf(laptop), await shardOf(grace)];
  expect(places.toSorted()).toEqual(["SHARD_00", "SHARD_01"]);
  for (const [person, place, ids] of [
    [laptop, places[0], Object.values(files).map((f) => f.file_id)],
    [grace, places[1], [theirs.file_id]],
  ] as const) {
    const db = await shard(place!);
    const { results } = await db
      .prepare(
        "select j.seq, j.file_id, j.op, f.name, v.version_id from journal j join files f using (tenant_id, file_id) join versions v on v.tenant_id = f.tenant_id and v.version_id = f.version_id where j.drive_id = ?1 order by j.seq",
      )
      .bind(person.id)
      .all<{ seq: number; file_id: string; op: string }>();
    expect(results.map((row) => row.seq)).toEqual(ids.map((_, i) => i + 1));
    expect(results.map((row) => row.file_id)).toEqual(ids);
    expect(results.every((row) => row.op === "created")).toBe(true);
    const drive = await db
      .prepare("select seq from drives where drive_id = ?1")
      .bind(person.id)
      .first<{ seq: number }>();
    expect(drive!.seq).toBe(ids.length);
    // Another person's shard knows nothing of it.
    const other = await shard(place === "SHARD_00" ? "SHARD_01" : "SHARD_00");
    const stray = await other
      .prepare("select count(*) as n from journal where drive_id = ?1")
      .bind(person.id)
      .first<{ n: number }>();
    expect(stray!.n).toBe(0);
  }
});

test("step 4: the second device is told, reads the changes from its cursor, and downloads the same bytes", async () => {
  // The runtime was killed in between, and the first socket with it: a device comes back with its cursor.
  socket = await phone.listen();
  const made = await laptop.upload("after.txt", Buffer.from("after"));
  const seq = await socket.told(6);
  expect(seq).toBe(6);
  expect(socket.messages.at(-1)).toMatchObject({ type: "changes", drive_id: laptop.id, seq: 6 });

  const { changes, next_cursor, has_more } = await phone.changes(cursor);
  expect(changes.map((change) => [change.seq, change.op, change.file?.name])).toEqual([
    [1, "created", "stream.tar"],
    [2, "created", "photo.jpg"],
    [3, "created", "letter.pdf"],
    [4, "created", "note.txt"],
    [5, "created", "archive.tar"],
    [6, "created", "after.txt"],
  ]);
  expect(has_more).toBe(false);
  expect(changes.at(-1)!.file!.file_id).toBe(made.file_id);
  expect((await phone.changes(next_cursor)).changes).toEqual([]);
  cursor = next_cursor;

  expect(await phone.downloadHash(files.photo.file_id)).toBe(sha256(photo));
  expect(await phone.downloadHash(files.letter.file_id)).toBe(sha256(letter));
  expect(await socket.close()).toMatchObject({ code: 1000, wasClean: true });
});

test("step 4: Range, ETag, If-None-Match, If-Range and HEAD, also across the parts of a large file", async () => {
  const archive = new Archive(ENTRY, SEED);
  const path = `files/${files.archive.file_id}/download`;
  const get = (headers: Record<string, string>, method = "GET") => phone.ask(method, path, { headers });
  const head = await get({}, "HEAD");
  const etag = head.headers.get("etag") as string;
  expect([head.status, head.headers.get("content-length"), etag]).toEqual([
    200,
    String(archive.size),
    `"${files.archive.version_id}"`,
  ]);
  const [start, length] = [8 * MiB - 5, 16 * MiB + 10];
  const range = `bytes=${start}-${start + length - 1}`;
  for (const headers of [{ range }, { range, "if-range": etag }] as Record<string, string>[]) {
    const part = await get(headers);
    expect([part.status, part.headers.get("content-range")]).toEqual([
      206,
      `bytes ${start}-${start + length - 1}/${archive.size}`,
    ]);
    expect(sha256(new Uint8Array(await part.arrayBuffer()))).toBe(sha256(archive.read(start, length)));
  }
  const tail = await get({ range: "bytes=-700" });
  expect(Buffer.from(await tail.arrayBuffer()).equals(archive.read(archive.size - 700, 700))).toBe(true);
  const changed = await get({ range, "if-range": '"another"' });
  expect([changed.status, changed.headers.get("content-length")]).toEqual([200, String(archive.size)]);
  await changed.body?.cancel();
  expect((await get({ "if-none-match": etag })).status).toBe(304);
  const beyond = await get({ range: `bytes=${archive.size}-` });
  expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${archive.size}`]);
});

test("step 5: within ten seconds there is a thumbnail, and contents are found, only by those who may read", async () => {
  const find = async (who: Device, q: string): Promise<string[]> => {
    const { items } = await who.ok<{ items: { file: File }[] }>("GET", `search?q=${q}`);
    return items.map(({ file }) => file.name).toSorted();
  };
  const thumbnail = (who: Device) => who.ask("GET", `files/${files.photo.file_id}/thumbnail?size=s`);
  const fresh = await laptop.upload("fresh.jpg", fixture("progressive.jpg"));
  const began = Date.now();
  await laptop.upload("kestrels.txt", Buffer.from("nine kestrels near the heliotrope"));
  await waitFor(async () => {
    const answer = await laptop.ask("GET", `files/${fresh.file_id}/thumbnail?size=s`);
    await answer.body?.cancel();
    return answer.status === 200 && (await find(laptop, "kestrels")).length === 2;
  });
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(await find(laptop, "kestrels")).toEqual(["kestrels.txt", "letter.pdf"]);
  expect(await find(laptop, "heliotrope")).toEqual(["kestrels.txt", "note.txt"]);

  const picture = await thumbnail(laptop);
  expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/webp"]);
  const bytes = Buffer.from(await picture.arrayBuffer());
  expect(bytes.subarray(8, 12).toString()).toBe("WEBP");

  expect(await find(grace, "heliotrope")).toEqual(["grace.txt"]);
  expect(await find(grace, "kestrels")).toEqual([]);
  expect((await thumbnail(grace)).status).toBe(404);
  const share = { email: "grace@example.org", permission: "view" };
  await laptop.ok("POST", `files/${files.letter.file_id}/share`, { json: share });
  await waitFor(async () => (await find(grace, "kestrels")).includes("letter.pdf"));
  expect(await find(grace, "kestrels")).toEqual(["letter.pdf"]);
});

test("step 6: a share link opens without an account, page and bytes; revoked it is dead", async () => {
  const path = `files/${files.photo.file_id}/share`;
  const json = { link: true, permission: "view" };
  const shared = await laptop.ok<{ share_link: string; token: string; permission_id: string }>("POST", path, { json });
  for (const _hit of ["first", "second"]) {
    const page = await fetch(shared.share_link);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(await page.text()).toContain("photo.jpg");
    const bytes = await fetch(`${shared.share_link}/download`);
    expect(Buffer.from(await bytes.arrayBuffer()).equals(photo)).toBe(true);
  }
  await laptop.ok("DELETE", `files/${files.photo.file_id}/permissions/${shared.permission_id}`);
  // 60 s is the bound wherever a purge does not reach; on one machine it does.
  await waitFor(async () => (await fetch(shared.share_link)).status === 410, 60_000);
  expect((await fetch(`${shared.share_link}/download`)).status).toBe(410);
  expect((await fetch(`${product.url}/api/v1/shares/${shared.token}`)).status).toBe(410);
});

test("step 7: a deleted file goes to trash and comes back", async () => {
  const { file_id } = files.note;
  await laptop.ok("DELETE", `files/${file_id}`);
  expect(await namesIn(laptop, "root")).not.toContain("note.txt");
  expect((await laptop.ask("GET", `files/${file_id}/download`)).status).toBe(410);
  const trash = await laptop.ok<{ items: File[] }>("GET", "trash");
  expect(trash.items.map((f) => f.file_id)).toEqual([file_id]);
  await laptop.ok("POST", `files/${file_id}/untrash`);
  expect(await namesIn(laptop, "root")).toContain("note.txt");
  expect(await laptop.downloadHash(file_id)).toBe(sha256(note));
  const { changes } = await phone.changes(cursor);
  expect(changes.filter((c) => c.file_id === file_id).map((c) => c.op)).toEqual(["untrashed"]);
});

test("step 7: the cleanup removes an abandoned upload: its quota, its parts in R2, its rows", async () => {
  const json = { parent_id: "root", name: "abandoned.bin", size: 20 * MiB };
  const { upload_id, part_size } = await laptop.ok<UploadSession>("POST", "files/upload", { json });
  const bytes = Buffer.alloc(part_size, 7);
  await laptop.ok("PUT", `chunks/${sha256(bytes)}?upload_id=${upload_id}&index=0`, { body: bytes });
  const before = await laptop.quota();
  expect(before.reserved_bytes).toBe(20 * MiB);

  const db = await shard(await shardOf(laptop));
  const row = await db
    .prepare("update uploads set expires_at = 1 where upload_id = ?1 returning object_key, r2_upload_id")
    .bind(upload_id)
    .first<{ object_key: string; r2_upload_id: string }>();
  const left = async (): Promise<number> => {
    const counted =
      "select (select count(*) from uploads where upload_id = ?1) + (select count(*) from upload_chunks where upload_id = ?1) as n";
    return (await db.prepare(counted).bind(upload_id).first<{ n: number }>())!.n;
  };
  expect(await left()).toBe(2);
  await product.tick();
  await waitFor(async () => (await left()) === 0);
  expect(await laptop.quota()).toEqual({ ...before, reserved_bytes: 0 });
  const bucket = await product.mf.getR2Bucket("BLOBS", "edgedrive-api");
  const multipart = bucket.resumeMultipartUpload(row!.object_key, row!.r2_upload_id);
  await expect(multipart.uploadPart(2, "x")).rejects.toThrow(/10024|does not exist/);
});
