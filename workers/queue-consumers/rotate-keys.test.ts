/** Rotation over real D1 and R2, counted. docs/spec/storage.md, K8. */
import { beforeEach, describe, expect, it } from "vitest";
import { KEY_AGE } from "../../core/keys/rotate.ts";
import { newPackId } from "../../core/packs/format.ts";
import { R2KeyCopies } from "../../platform/r2/key-copies.ts";
import { Api, apiEnv, text, withVars } from "../../test/support/workerd/api.ts";
import { bindings, DriveFixture } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { WatchedD1 } from "../../test/support/workerd/watched-d1.ts";
import { WatchedR2 } from "../../test/support/workerd/watched-r2.ts";

const PACKS = 100_000;
const V2 = `${String(apiEnv.MASTER_KEYS)},v2:${btoa("b".repeat(32))}`;
const ONLY_V2 = `v2:${btoa("b".repeat(32))}`;
const AT_47 = new Date("2026-11-20T10:47:00Z");

const copies = new R2KeyCopies(bindings.BLOBS);
const operator = (vars: Record<string, unknown> = {}) => new Api(String(apiEnv.OPERATOR_TOKEN), withVars(vars));

let drive: DriveFixture;

const rows = async () =>
  (
    await drive.shard
      .prepare("select * from tenant_keys where tenant_id = ?1 order by version")
      .bind(drive.tenant)
      .all()
  ).results;
const age = (by: number) =>
  drive.shard
    .prepare("update tenant_keys set created_at = created_at - ?2 where tenant_id = ?1")
    .bind(drive.tenant, by)
    .run();

beforeEach(async () => {
  drive = await DriveFixture.create();
});

describe("rotation of keys", () => {
  it("K8: a tenant with 100,000 packs: no byte of a pack is moved, and one row written for each version of its key", async () => {
    const file = await drive.file("a", text("some bytes"));
    const shard = new WatchedD1(drive.shard);
    const r2 = new WatchedR2(bindings.BLOBS);
    const upload = drive.id();
    for (let made = 0; made < PACKS; made += 10_000) {
      const ids = Array.from({ length: 10_000 }, () => newPackId(upload));
      await drive.shard
        .prepare(
          "insert into packs (tenant_id, pack_id, state, size, key_version, created_at) select ?1, value, 'live', 1, 1, 1 from json_each(?2)",
        )
        .bind(drive.tenant, JSON.stringify(ids))
        .run();
    }
    await age(KEY_AGE + 1000);
    const pipeline = new Pipeline({ SHARD_00: shard.db, SHARD_01: shard.db, BLOBS: r2.bucket, MASTER_KEYS: V2 });
    let rotated = { read: 0, written: 0 };
    const calls = await r2.count(async () => {
      rotated = await shard.count(async () =>
        pipeline.deliver("CLEANUP", [{ body: { job: "rotate_keys", shard: "SHARD_00" }, attempts: 1 }]),
      );
    });
    // One version that was wrapped anew, and one that was added.
    expect(rotated.written).toBe(2);
    expect(rotated.read).toBeLessThan(50);
    expect(shard.ran.some(({ sql }) => /\bpacks\b/.test(sql))).toBe(false);
    // Two copies, the check of the new master, a list of copies; no object is read but heads of checks.
    expect(calls.class_a).toBeLessThanOrEqual(5);
    expect(await rows()).toMatchObject([
      { version: 1, master_version: "v2" },
      { version: 2, master_version: "v2" },
    ]);
    expect(await copies.find({ tenant_id: drive.tenant, version: 1 })).toEqual((await rows())[0]);
    expect(file).toBeDefined();
    // The ticks of the tests below would look for their objects.
    await drive.shard.prepare("delete from packs where tenant_id = ?1").bind(drive.tenant).run();
  });

  it("K8: the cron rotates within the hour, and a second tick changes nothing", async () => {
    await drive.file("a", text("some bytes"));
    await age(KEY_AGE + 60_000);
    const pipeline = new Pipeline();
    await pipeline.tick(AT_47);
    const rotated = await rows();
    expect(rotated.map((row) => row.version)).toEqual([1, 2]);
    await pipeline.tick(AT_47);
    expect(await rows()).toEqual(rotated);
  });
});

describe("the operator's door", () => {
  it("is shut without the operator's token, and refuses what is no order", async () => {
    expect((await new Api("else", withVars({})).ask("GET", "/operator/keys")).json).toMatchObject({
      code: "token_invalid",
    });
    for (const json of [{ made_before: "yesterday" }, { tenant_id: 0 }, { cursor: "x" }])
      expect((await operator().ask("POST", "/operator/keys/rotate", { json })).status).toBe(400);
    for (const version of ["x", "v", "v1/a", "v".repeat(2_000), "..%2Fkeys", "v1234567890"])
      expect((await operator().ask("DELETE", `/operator/keys/masters/${version}`)).json).toMatchObject({
        code: "not_found",
      });
    expect(
      (await operator().ask("POST", "/operator/keys/rotate", { json: { cursor: "SHARD_99/0/0" } })).json,
    ).toMatchObject({ code: "cursor_invalid" });
  });

  it("is limited by address like all others, with and without the token", async () => {
    const none = { limit: async () => ({ success: false }) };
    const limited = { ADDRESS_STANDARD: none, ADDRESS_GENEROUS: none };
    for (const api of [operator(limited), new Api("guess", withVars(limited))])
      for (const path of ["/operator/keys", "/metrics"])
        expect((await api.ask("GET", path)).json).toMatchObject({ code: "rate_limited" });
  });

  it("K8, K9: rotates now, one tenant or all; tells what each master wraps; retires one that wraps nothing", async () => {
    await drive.file("a", text("some bytes"));
    const made_before = new Date(Date.now() + 1_000).toISOString();
    const one = { made_before, tenant_id: drive.tenant };
    await age(1);
    expect((await operator().ask("POST", "/operator/keys/rotate", { json: one })).json).toMatchObject({ added: 1 });
    expect((await operator().ask("DELETE", "/operator/keys/masters/v1")).json).toMatchObject({
      code: "master_key_in_use",
    });
    const vars = { MASTER_KEYS: V2 };
    let rewrapped = 0;
    for (let cursor: string | undefined; ;) {
      const { json } = await operator(vars).ask<{ rewrapped: number; failed: number; next_cursor: string | null }>(
        "POST",
        "/operator/keys/rotate",
        { json: { cursor } },
      );
      rewrapped += json.rewrapped;
      expect(json.failed).toBe(0);
      if (json.next_cursor === null) break;
      cursor = json.next_cursor;
    }
    expect(rewrapped).toBeGreaterThanOrEqual(2);
    expect((await rows()).map((row) => row.master_version)).toEqual(["v2", "v2"]);
    const { json } = await operator(vars).ask<{ masters: { version: string; in_use: object }[] }>(
      "GET",
      "/operator/keys",
    );
    expect(json.masters.find(({ version }) => version === "v1")?.in_use).toEqual({});
    // It has not been in use for an hour: an older deployment may still be running.
    expect((await operator(vars).ask("DELETE", "/operator/keys/masters/v1")).json).toMatchObject({
      code: "master_key_in_use",
    });
    expect((await new Api(undefined, withVars({ MASTER_KEYS: ONLY_V2 })).ask("GET", "/readyz")).json).toEqual({
      status: "unavailable",
      failing: ["master_keys"],
    });
    const wrong = `v1:${btoa("x".repeat(32))},${ONLY_V2}`;
    expect((await new Api(undefined, withVars({ MASTER_KEYS: wrong })).ask("GET", "/readyz")).status).toBe(503);
    expect((await new Api(undefined, withVars(vars)).ask("GET", "/readyz")).status).toBe(200);
  });
});
