/** docs/spec/tiers.md, TI14 to TI20: the life of an archived file, through all doors, with a real S3 server. */
import { beforeEach, describe, expect, inject, it, vi } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { dayOf } from "../../core/tiers/policy.ts";
import { S3ArchiveBucket } from "../../platform/s3/archive-bucket.ts";
import { movedClock } from "../../test/support/clock.ts";
import { Api, apiEnv, expectProblem, newUser, PASSWORD, shardOf, type User } from "../../test/support/workerd/api.ts";
import { ARCHIVE } from "../../test/support/workerd/archive.ts";
import { bindings, noise } from "../../test/support/workerd/drive-fixture.ts";
import { blocksOf, deltaFrame, putFrames, rawFrame } from "../../test/support/workerd/frames.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { Visitor } from "../../test/support/workerd/visitor.ts";
import { waitFor } from "../../test/support/wait-for.ts";

const operator = { authorization: `Bearer ${(apiEnv as unknown as { OPERATOR_TOKEN: string }).OPERATOR_TOKEN}` };
const endpoint = (): string => inject("s3");
const bucket = (): S3ArchiveBucket => new S3ArchiveBucket({ ...ARCHIVE, endpoint: endpoint() });

const clock = movedClock();

let user: User;
let tenant: number;
let shard: D1Database;

beforeEach(async () => {
  user = await newUser({ DEFAULT_PLAN: "generous" });
  tenant = (await user.ok<{ tenant: { tenant_id: number } }>("GET", "me")).tenant.tenant_id;
  shard = await shardOf(user.id);
});

/** Tokens last a quarter of an hour. */
async function later(days: number): Promise<void> {
  clock.later(days);
  const json = { email: user.signedIn.user.email, password: PASSWORD };
  user.token = (
    await new Api(undefined, user.env).ok<{ access_token: string }>("POST", "auth/login", { json })
  ).access_token;
}

const path = (): string => `/operator/tenants/${tenant}/archive`;
const configure = (more: object = {}) =>
  new Api().ask("PUT", path(), { headers: operator, json: { ...ARCHIVE, endpoint: endpoint(), ...more } });

const tick = (): Promise<void> => new Pipeline().tick();

type Pack = { pack_id: string; tier: string | null; size: number };

const packs = async (): Promise<Pack[]> =>
  (
    await shard
      .prepare("select pack_id, tier, size from packs where tenant_id = ?1 and state <> 'deleted' order by pack_id")
      .bind(tenant)
      .all<Pack>()
  ).results;

const inR2 = async (): Promise<number> => (await bindings.BLOBS.list({ prefix: `${tenant}/` })).objects.length;
const inArchive = async (): Promise<boolean[]> =>
  Promise.all((await packs()).map(({ pack_id, size }) => bucket().has(`${tenant}/${pack_id}`, size)));

const LARGE = 3_000_000;
const SLOW = { timeout: 120_000 };

/** A file that was archived, and whose object R2 has dropped. */
async function archivedFile(bytes = noise(LARGE)): Promise<File> {
  const file = await user.file("old.bin", bytes);
  expect((await configure()).status).toBe(204);
  await later(181);
  await tick();
  await later(1.1);
  await tick();
  expect((await packs()).map(({ tier }) => tier)).toEqual(["archive"]);
  expect([await inR2(), await inArchive()]).toEqual([0, [true]]);
  return file;
}

const download = ({ file_id }: File) => user.ask("GET", `files/${file_id}/download`);

describe("the archive of a tenant", () => {
  it(
    "TI16 to TI19: a file goes, is asked for, comes back, is told of, and goes again without a copy",
    SLOW,
    async () => {
      const bytes = noise(LARGE);
      const file = await archivedFile(bytes);
      const before = await user.ok<{ next_cursor: string }>("GET", "sync/changes?cursor=now");

      const refused = await download(file);
      expectProblem(refused, 409, "archived");
      expect(refused.json).toMatchObject({ state: "waiting", ready_in: 61 });
      expect(refused.headers.get("retry-after")).toBe("61");
      const door = await user.ask("POST", `files/${file.file_id}/unarchive`);
      expect([door.status, door.json.state, door.json.ready_in]).toEqual([202, "waiting", 61]);

      await tick();
      expect((await packs()).map(({ tier }) => tier)).toEqual(["restored"]);
      const answer = await download(file);
      expect([answer.status, Buffer.compare(answer.bytes, bytes)]).toEqual([200, 0]);
      expect((await user.ask("POST", `files/${file.file_id}/unarchive`)).status).toBe(200);
      const { changes } = await user.ok<{ changes: { op: string; file_id: string }[] }>(
        "GET",
        `sync/changes?cursor=${before.next_cursor}`,
      );
      expect(changes.map(({ op, file_id }) => [op, file_id])).toEqual([["unarchived", file.file_id]]);
      expect(await shard.prepare("select count(*) as n from unarchivings").first("n")).toBe(0);

      await later(6);
      await tick();
      expect((await download(file)).status).toBe(200);
      const noted = shard.prepare("select read_day from packs where tenant_id = ?1").bind(tenant);
      await waitFor(async () => (await noted.first("read_day")) === dayOf(Date.now()));
      const put = vi.spyOn(S3ArchiveBucket.prototype, "put");
      for (const days of [8, 1.1]) {
        await later(days);
        await tick();
      }
      expect([await inR2(), put.mock.calls.length]).toEqual([0, 0]);
      expectProblem(await download(file), 409, "archived");
    },
  );

  it("TI17: a copy and an instant upload are rows; an edit against it asks for the whole", SLOW, async () => {
    const bytes = noise(LARGE);
    const file = await archivedFile(bytes);
    const copy = await user.ok<File>("POST", `files/${file.file_id}/copy`, { json: { name: "copy.bin" } });
    expectProblem(await download(copy), 409, "archived");
    const instant = await user.ok<File & { instant?: boolean }>("POST", "files/upload", {
      json: { parent_id: "root", name: "again.bin", size: LARGE, content_hash: file.content_hash },
    });
    expect(instant.instant).toBe(true);
    expect((await user.ask("HEAD", `files/${file.file_id}/download`)).status).toBe(200);
    // HEAD, copies and instant uploads ask for nothing; the refused download of the copy did.
    expect(
      await shard.prepare("select count(*) as n from unarchivings where tenant_id = ?1").bind(tenant).first("n"),
    ).toBe(1);

    const after = bytes.slice(0, 100_000);
    after.set([1, 2, 3], 50_000);
    const { upload_id, block_bits } = await user.start("edited.bin", after.length, {
      base_file_id: file.file_id,
      base_version_id: file.version_id,
    });
    const blocks = await blocksOf(after, block_bits);
    const frame = await deltaFrame(
      blocks.map((block) => block.bytes),
      bytes,
    );
    expectProblem(await putFrames(user, upload_id, 0, [frame]), 409, "base_mismatch");
    const asked = { blocks: blocks.map(({ hash, length }) => ({ hash, length })) };
    expect((await user.ask("POST", `uploads/${upload_id}/negotiate`, { json: asked })).status).toBe(200);
    const whole = await putFrames(user, upload_id, 0, await Promise.all(blocks.map((block) => rawFrame(block.bytes))));
    expect(whole.status).toBe(200);
  });

  it("TI17: a stranger with a link is told, and asks for nothing", SLOW, async () => {
    const file = await archivedFile();
    const { token } = await user.ok<{ token: string }>("POST", `files/${file.file_id}/share`, {
      json: { link: true, permission: "view" },
    });
    const { answer, text } = await new Visitor().ask(`/s/${token}/download`);
    expect([answer.status, JSON.parse(text).code]).toEqual([409, "archived"]);
    const stranger = await new Api().ask("GET", `files/${file.file_id}/download?share_token=${token}`);
    expectProblem(stranger, 409, "archived");
    expect(await shard.prepare("select 1 from unarchivings where tenant_id = ?1").bind(tenant).first()).toBeNull();
    expectProblem(await new Api().ask("POST", `files/${file.file_id}/unarchive`), 401, "token_missing");
    const other = await newUser({ DEFAULT_PLAN: "generous" });
    expectProblem(await other.ask("POST", `files/${file.file_id}/unarchive`), 404, "not_found");
  });

  it("RC2: what lies in the archive is not missed", SLOW, async () => {
    await archivedFile();
    await later(31);
    await tick();
    const { reconciled_at } = (await shard.prepare("select * from tenants where tenant_id = ?1").bind(tenant).first())!;
    expect(reconciled_at).toBe(Date.now());
    expect(await shard.prepare("select * from findings where tenant_id = ?1").bind(tenant).first()).toBeNull();
  });

  it("TI20: what is purged leaves the archive as well", SLOW, async () => {
    const file = await archivedFile();
    const [{ pack_id, size }] = (await packs()) as unknown as [Pack];
    await user.ok("DELETE", `files/${file.file_id}`);
    await user.ok("DELETE", `trash/${file.file_id}`);
    await later(1);
    await tick();
    await later(31);
    await tick();
    expect(await packs()).toEqual([]);
    expect(await bucket().has(`${tenant}/${pack_id}`, size)).toBe(false);
  });

  it("TI18: an archive that does not answer is tried again, and tells when it is dead", SLOW, async () => {
    const file = await archivedFile();
    await download(file);
    const [{ pack_id }] = (await packs()) as unknown as [Pack];
    const kept = (await bucket().take(`${tenant}/${pack_id}`))!;
    const bytes = new Uint8Array(await new Response(kept.body).arrayBuffer());
    await bucket().delete([`${tenant}/${pack_id}`]);
    const row = () =>
      shard.prepare("select attempts, error from unarchivings where tenant_id = ?1").bind(tenant).first<object>();
    await tick();
    expect(await row()).toEqual({ attempts: 1, error: "the archive has lost a pack" });
    await bucket().put(`${tenant}/${pack_id}`, { ...kept, body: new Blob([bytes]).stream() });
    await later(0.01);
    await tick();
    expect([await row(), (await download(file)).status]).toEqual([null, 200]);
  });
});

describe("TI14: the operator's door", () => {
  it("shows no secret, and keeps it sealed", async () => {
    expect((await new Api().ask("GET", path(), { headers: operator })).status).toBe(404);
    expect((await configure()).status).toBe(204);
    const { json } = await new Api().ask("GET", path(), { headers: operator });
    const { secret_access_key, ...place } = { ...ARCHIVE, endpoint: endpoint() };
    expect(json).toEqual(place);
    const row = await shard
      .prepare("select archive from tenants where tenant_id = ?1")
      .bind(tenant)
      .first<string>("archive");
    expect(JSON.parse(row as string).secret).not.toContain(secret_access_key);
    expect(JSON.stringify(json)).not.toContain("secret");
  });

  it.each([
    ["another secret", { secret_access_key: "wrong" }],
    ["no such bucket", { bucket: "nowhere" }],
    ["a host in the clear", { endpoint: "http://example.org" }],
    ["a path", { endpoint: "https://example.org/a" }],
    ["a name and a password", { endpoint: "https://a:b@example.org" }],
    ["no address", { endpoint: "x" }],
    ["another kind of address", { endpoint: "file:///etc" }],
    ["no bucket's name", { bucket: "A/B" }],
  ])("refuses %s, and keeps nothing", async (_, more) => {
    expectProblem(await configure(more), 400, "invalid_request");
    expect((await new Api().ask("GET", path(), { headers: operator })).status).toBe(404);
  });

  it("is nobody else's", async () => {
    for (const api of [new Api(), user]) expectProblem(await api.ask("GET", path()), 401, "token_invalid");
    const of = (id: string) => new Api().ask("GET", `/operator/tenants/${id}/archive`, { headers: operator });
    for (const id of ["0", "x", "4294967295"]) expectProblem(await of(id), 404, "not_found");
  });

  it("does not let go of a bucket that has files", SLOW, async () => {
    await archivedFile();
    const gone = await new Api().ask("DELETE", path(), { headers: operator });
    expectProblem(gone, 409, "archive_in_use");
    expectProblem(await configure({ bucket: "another" }), 409, "archive_in_use");
    expect((await configure()).status).toBe(204);
  });
});
