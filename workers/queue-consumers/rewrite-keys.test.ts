/** docs/spec/storage.md, K10, and durability.md, C12: a tenant's bytes under its newest key, through doors, databases, buckets and queues. */
import { beforeEach, describe, expect, it } from "vitest";
import type { FileRow } from "../../core/files/model.ts";
import type { Rewriting } from "../../core/keys/rewriting.ts";
import { parseText } from "../../core/manifests/root.ts";
import { packKey } from "../../core/packs/format.ts";
import { movedClock } from "../../test/support/clock.ts";
import { Api, apiEnv, expectProblem, withVars } from "../../test/support/workerd/api.ts";
import { bindings, DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";

const MiB = 1024 * 1024;
const REPLICA = (apiEnv as unknown as { BLOBS_REPLICA: R2Bucket }).BLOBS_REPLICA;

const { later } = movedClock();

let drive: DriveFixture;
let pipeline: Pipeline;
let operator: Api;

beforeEach(async () => {
  drive = await DriveFixture.create();
  pipeline = new Pipeline();
  operator = new Api(String(apiEnv.OPERATOR_TOKEN), withVars({ CLEANUP: pipeline.env.CLEANUP }));
});

async function day(): Promise<void> {
  later(1);
  await pipeline.tick(new Date("2026-11-20T10:10:00Z"));
}

const path = (more = ""): string => `/operator/keys/tenants/${drive.tenant}${more}`;
const state = (): Promise<Rewriting> => operator.ok("GET", path());
const order = (): Promise<Rewriting> => operator.ok("POST", path("/rewrite"));

async function rotate(): Promise<void> {
  const json = { made_before: new Date(Date.now() + 1000).toISOString(), tenant_id: drive.tenant };
  expect((await operator.ask("POST", "/operator/keys/rotate", { json })).json).toMatchObject({ added: 1 });
  later(0.01);
}

const packsOf = async ({ content_id }: FileRow): Promise<string[]> => {
  const manifest = await drive.shard
    .prepare("select manifest from contents where tenant_id = ?1 and content_id = ?2")
    .bind(drive.tenant, content_id)
    .first<string>("manifest");
  return (await parseText(manifest as string)).packs;
};

const versionIn = async (bucket: R2Bucket, pack_id: string): Promise<string | undefined> =>
  (await bucket.head(packKey(drive.tenant, pack_id)))?.customMetadata?.key_version;

describe("K10, C12: rewriting under the newest key", { timeout: 180_000 }, () => {
  it("is ordered, done, seen in both buckets, and tells when nothing needs the old key any more", async () => {
    const made = [noise(50), noise(300_000), noise(1.5 * MiB)];
    const files: FileRow[] = [];
    for (const [i, bytes] of made.entries()) files.push(await drive.file(`file ${i}`, bytes));
    const olds = (await Promise.all(files.map(packsOf))).flat();
    later(2);
    await rotate();
    expect(await state()).toMatchObject({ newest: 2, rewrite_below: 0, left: 0 });
    expect(await order()).toMatchObject({ rewrite_below: 2, left: 3, archived: 0 });
    expect(await order(), "a repeated order").toMatchObject({ rewrite_below: 2, left: 3 });
    await pipeline.drain();

    for (const [i, file] of files.entries()) {
      const packs = await packsOf(file);
      expect(packs.length).toBeGreaterThan(0);
      for (const pack_id of packs)
        for (const bucket of [bindings.BLOBS, REPLICA]) expect(await versionIn(bucket, pack_id)).toBe("2");
      expect(await drive.read(file.file_id)).toEqual(made[i]);
    }
    for (let i = 0; i < 2; i++) await day();
    const condemned = await state();
    expect(condemned).toMatchObject({ left: 0 });
    expect(condemned.versions[0]).toMatchObject({ version: 1, live: 0, condemned: 3, is_needed: true });
    later(31);
    await day();
    later(3);
    expect((await state()).versions).toMatchObject([
      { version: 1, live: 0, condemned: 0, bytes: 0, is_needed: false },
      { version: 2, is_needed: true },
    ]);
    for (const pack_id of olds)
      for (const bucket of [bindings.BLOBS, REPLICA]) expect(await versionIn(bucket, pack_id)).toBeUndefined();
    for (const [i, file] of files.entries()) expect(await drive.read(file.file_id)).toEqual(made[i]);
  });

  it("what lies in the archive stays and is told; so do backups and the archive's secret, which need the old key", async () => {
    const [cold, warm] = [await drive.file("cold", noise(1000)), await drive.file("warm", noise(1000))];
    const [pack_id] = (await packsOf(cold)) as [string];
    await drive.shard
      .prepare("update packs set tier = 'archive' where tenant_id = ?1 and pack_id = ?2")
      .bind(drive.tenant, pack_id)
      .run();
    later(2);
    await rotate();
    expect(await order()).toMatchObject({ left: 1, archived: 1 });
    await pipeline.drain();
    expect(await packsOf(cold)).toEqual([pack_id]);
    expect(await versionIn(bindings.BLOBS, (await packsOf(warm))[0]!)).toBe("2");
    const key = `backup/${drive.tenant}/journal/a`;
    await bindings.BLOBS.put(key, new Uint8Array(), { customMetadata: { key_version: "1" } });
    later(40);
    expect((await state()).versions[0]).toMatchObject({ archived: 1, backups: 1, is_needed: true });
    await drive.shard.prepare("delete from packs where tenant_id = ?1 and key_version = 1").bind(drive.tenant).run();
    expect((await state()).versions[0]).toMatchObject({ archived: 0, backups: 1, is_needed: true });
    await bindings.BLOBS.delete(key);
    expect((await state()).versions[0]).toMatchObject({ is_needed: false });
    const place = { endpoint: "https://a.example", bucket: "abc", region: "r", access_key_id: "k" };
    const sealed = { place, key_id: "", key: { key_version: "1" }, secret: "" };
    await drive.shard
      .prepare("update tenants set archive = ?2 where tenant_id = ?1")
      .bind(drive.tenant, JSON.stringify(sealed))
      .run();
    expect((await state()).versions[0]).toMatchObject({ wraps_archive_secret: true, is_needed: true });
  });

  it("the job waits until isolates have forgotten the older key", async () => {
    await drive.file("a", noise(50));
    const delays: (number | undefined)[] = [];
    const CLEANUP = { send: async (_job: unknown, options?: QueueSendOptions) => delays.push(options?.delaySeconds) };
    const slow = new Api(String(apiEnv.OPERATOR_TOKEN), withVars({ CLEANUP }));
    later(1);
    await rotate();
    await slow.ok("POST", path("/rewrite"));
    later(1);
    await slow.ok("POST", path("/rewrite"));
    expect(delays).toEqual([0, 0]);
    const json = { made_before: new Date(Date.now() + 1000).toISOString(), tenant_id: drive.tenant };
    await slow.ask("POST", "/operator/keys/rotate", { json });
    await slow.ok("POST", path("/rewrite"));
    expect(delays.at(-1)).toBe(300);
  });

  it("is refused to strangers, for tenants that are not there, and where there is no older key", async () => {
    await drive.file("a", noise(50));
    for (const [method, more] of [
      ["GET", ""],
      ["POST", "/rewrite"],
    ] as const) {
      expectProblem(await new Api("else").ask(method, path(more)), 401, "token_invalid");
      expectProblem(await new Api().ask(method, path(more)), 401, "token_invalid");
      for (const tenant of ["x", "0", "-1", "1.5", "4294967296", "4294967295", "%27"])
        expectProblem(await operator.ask(method, `/operator/keys/tenants/${tenant}${more}`), 404, "not_found");
    }
    expectProblem(await operator.ask("POST", path("/rewrite")), 412, "precondition_failed");
    later(1);
    await rotate();
    await drive.shard.prepare("update tenants set state = 'moving' where tenant_id = ?1").bind(drive.tenant).run();
    expectProblem(await operator.ask("POST", path("/rewrite")), 412, "precondition_failed");
    expect(pipeline.waiting("CLEANUP")).toEqual([]);
  });
});
