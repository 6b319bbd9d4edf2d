/** I13 to I15 at the door and after it: an account that ends, over the real databases, buckets and objects. */
import { describe, expect, it, vi } from "vitest";
import { tenantOf } from "../../core/protocol/ids.ts";
import { packKey } from "../../core/packs/format.ts";
import { createEngine } from "../../platform/engine.ts";
import { readConfig } from "../../platform/config.ts";
import { ShardMap } from "../../platform/d1/shard-map.ts";
import { Api, apiEnv, expectProblem, newUser, PASSWORD, shardOf, text, type User } from "../support/workerd/api.ts";
import { Pipeline } from "../support/workerd/pipeline.ts";
import { HOUR } from "../../core/time.ts";

const end = (user: User, password = PASSWORD) => user.ask("DELETE", "me", { json: { password } });
/** As another isolate, which knows nothing of what this one has revoked. */
const elsewhere = (user: User): Api => new Api(user.token, { ...user.env });

async function rowsOf(db: D1Database, tenant: number): Promise<string[]> {
  const { results } = await db
    .prepare("select name from sqlite_master where type = 'table' and sql like '%tenant_id%'")
    .all<{ name: string }>();
  const counts = await db.batch<{ n: number }>(
    results.map(({ name }) => db.prepare(`select count(*) as n from ${name} where tenant_id = ?1`).bind(tenant)),
  );
  return results
    .map(({ name }, i) => ({ name, n: counts[i]!.results[0]!.n }))
    .filter(({ n }) => n > 0)
    .map(({ name }) => name);
}

const keysOf = async (bucket: R2Bucket, prefix: string): Promise<string[]> =>
  (await bucket.list({ prefix })).objects.map(({ key }) => key);

describe("DELETE /me", () => {
  it("I13: needs the password, and changes nothing without it", async () => {
    await newUser();
    const user = await newUser();
    const file = await user.file("a", "bytes");
    expectProblem(await end(user, "not it"), 401, "wrong_password");
    expectProblem(await user.ask("DELETE", "me"), 400, "invalid_request");
    expect((await user.ask("GET", `files/${file.file_id}/download`)).status).toBe(200);
  });

  it("I13: the only admin of others cannot go", async () => {
    const { results } = await apiEnv.DIRECTORY.prepare("select user_id from accounts where role = 'admin'").all<{
      user_id: string;
    }>();
    await apiEnv.DIRECTORY.prepare("update accounts set role = 'member'").run();
    const admin = await newUser();
    await apiEnv.DIRECTORY.prepare("update accounts set role = 'admin' where user_id = ?1").bind(admin.id).run();
    expectProblem(await end(admin), 403, "forbidden");
    await apiEnv.DIRECTORY.prepare("update accounts set role = 'admin' where user_id = ?1")
      .bind(results[0]!.user_id)
      .run();
    expect((await end(admin)).status).toBe(204);
  });

  it("I14: at the answer no byte can be read: not by the owner, nor by others, nor with what isolates remember; the packs' keys are gone", async () => {
    const [owner, friend] = [await newUser(), await newUser()];
    const file = await owner.file("secret.txt", "secret bytes");
    await owner.ok("POST", `files/${file.file_id}/share`, {
      json: { email: friend.signedIn.user.email, permission: "view" },
    });
    const path = `files/${file.file_id}/download`;
    const others = [elsewhere(owner), elsewhere(friend)];
    for (const reader of [owner, friend, ...others]) expect((await reader.ask("GET", path)).status).toBe(200);
    const tenant = tenantOf(owner.id);
    const shard = await shardOf(owner.id);
    const [pack] = (
      await shard.prepare("select pack_id from packs where tenant_id = ?1").bind(tenant).all<{ pack_id: string }>()
    ).results;

    expect((await end(owner)).status).toBe(204);

    for (const reader of others) expect([401, 404]).toContain((await reader.ask("GET", path)).status);
    expectProblem(await friend.ask("GET", path), 404, "not_found");
    expectProblem(await owner.ask("GET", path), 401, "token_revoked");
    expectProblem(await end(owner), 401, "token_revoked");
    expect(await keysOf(apiEnv.BLOBS, `keys/${String(tenant).padStart(10, "0")}/`)).toEqual([]);
    // The object is there still: nobody can open it, not even with the master key.
    const { metadata } = await (async () => {
      const object = await apiEnv.BLOBS.head(packKey(tenant, pack!.pack_id));
      return { metadata: object!.customMetadata! };
    })();
    const shards = new ShardMap(
      apiEnv.DIRECTORY,
      new Map([
        ["SHARD_00", shard],
        ["SHARD_01", shard],
      ]),
    );
    const { keys } = createEngine(apiEnv, shards, readConfig(apiEnv, "MASTER_KEYS").MASTER_KEYS);
    await expect(keys.packKey(tenant, pack!.pack_id, metadata)).rejects.toThrow();
    const login = { email: owner.signedIn.user.email, password: PASSWORD };
    expectProblem(await new Api().ask("POST", "auth/login", { json: login }), 401, "invalid_credentials");
    expectProblem(
      await new Api().ask("POST", "auth/refresh", { json: { refresh_token: owner.signedIn.refresh_token } }),
      401,
      "invalid_refresh_token",
    );
  });

  it("I15: ticks remove all the rest, and leave others alone; the address is free again, the tenant's number is not", async () => {
    const [user, other] = [await newUser(), await newUser()];
    const kept = await other.file("kept", "of another");
    const folder = await user.folder("folder");
    for (const i of [1, 2, 3]) await user.file(`file ${i}`, `bytes ${i}`, folder.file_id);
    await user.start("open", 10);
    const tenant = tenantOf(user.id);
    const shard = await shardOf(user.id);
    const pipeline = new Pipeline();
    pipeline.wake({ tenant, root: user.id }, 9);
    await pipeline.drain();
    const before = await rowsOf(await shardOf(other.id), tenantOf(other.id));

    expect((await end(user)).status).toBe(204);
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      for (let tick = 0; tick < 6; tick++) {
        await pipeline.tick(new Date("2026-11-20T10:20:00Z"));
        vi.setSystemTime(Date.now() + HOUR);
      }
    } finally {
      vi.useRealTimers();
    }

    expect(await rowsOf(shard, tenant)).toEqual([]);
    for (const bucket of [apiEnv.BLOBS, apiEnv.DERIVED]) expect(await keysOf(bucket, `${tenant}/`)).toEqual([]);
    expect(await rowsOf(apiEnv.DIRECTORY, tenant)).toEqual(["tenants"]);
    const left = await apiEnv.DIRECTORY.prepare("select name, state, erased_at from tenants where tenant_id = ?1")
      .bind(tenant)
      .first();
    expect(left).toMatchObject({ name: "", state: "deleted", erased_at: expect.any(Number) });
    expect(await rowsOf(await shardOf(other.id), tenantOf(other.id))).toEqual(expect.arrayContaining(before));
    expect((await other.ask("GET", `files/${kept.file_id}/download`)).bytes).toEqual(text("of another"));
    const again = { email: user.signedIn.user.email, password: PASSWORD, name: "Again" };
    expect((await new Api().ask("POST", "auth/register", { json: again })).status).toBe(201);
  });

  it("I14: a door that crashed behind the directory is gone on with by the next tick", async () => {
    const user = await newUser();
    const file = await user.file("a", "bytes");
    const broken = new Proxy(await shardOf(user.id), {
      get: (db, name) =>
        name === "batch" ? () => Promise.reject(new Error("crash")) : (Reflect.get(db, name) as Function).bind(db),
    });
    const failing = new Api(user.token, { ...user.env, SHARD_00: broken, SHARD_01: broken } as never);
    expect((await failing.ask("DELETE", "me", { json: { password: PASSWORD } })).status).toBe(500);
    await new Pipeline().tick(new Date("2026-11-20T10:21:00Z"));
    const shard = await shardOf(user.id);
    const left = await shard
      .prepare(
        "select (select count(*) from tenant_keys where tenant_id = ?1) as keys, state from tenants where tenant_id = ?1",
      )
      .bind(tenantOf(user.id))
      .first();
    expect(left).toEqual({ keys: 0, state: "deleted" });
    expect([401, 404]).toContain((await elsewhere(user).ask("GET", `files/${file.file_id}/download`)).status);
  });
});

describe("BK17: what is erased stays so", () => {
  const TICK = new Date("2026-11-20T10:25:00Z");
  const TABLES = ["accounts", "devices", "tenants"] as const;

  /** What the directory has of an account, to be put back as Time Travel does. */
  async function directoryOf(user: User): Promise<() => Promise<void>> {
    const kept: [string, Record<string, unknown>[]][] = [];
    for (const table of TABLES) {
      const [column, value] = table === "devices" ? ["user_id", user.id] : ["tenant_id", tenantOf(user.id)];
      const { results } = await apiEnv.DIRECTORY.prepare(`select * from ${table} where ${column} = ?1`)
        .bind(value)
        .all();
      kept.push([table, results]);
    }
    return async () => {
      for (const [table, rows] of kept)
        for (const row of rows) {
          const names = Object.keys(row);
          await apiEnv.DIRECTORY.prepare(
            `insert or replace into ${table} (${names.join(", ")}) values (${names.map((_, i) => `?${i + 1}`).join(", ")})`,
          )
            .bind(...Object.values(row))
            .run();
        }
    };
  }

  const found = async (user: User): Promise<unknown> =>
    apiEnv.DIRECTORY.prepare(
      `select (select count(*) from accounts where user_id = ?1) as accounts, (select count(*) from devices where user_id = ?1) as devices,
         t.state, t.name from tenants t where t.tenant_id = ?2`,
    )
      .bind(user.id, tenantOf(user.id))
      .first();
  const GONE = { accounts: 0, devices: 0, state: "deleted", name: "" };

  async function erase(user: User): Promise<void> {
    expect((await end(user)).status).toBe(204);
    await new Pipeline().tick(new Date("2026-11-20T10:21:00Z"));
    expect(await found(user)).toEqual(GONE);
  }

  const operate = <T>(path: string, json: object) =>
    new Api().ask<T>("POST", `/operator/${path}`, {
      json,
      headers: { authorization: `Bearer ${apiEnv.OPERATOR_TOKEN as never}` },
    });

  /** All pages of the directory's backup. */
  async function pages<T>(path: string, at: number): Promise<T[]> {
    const all: T[] = [];
    for (let cursor: unknown; ;) {
      const { status, json } = await operate<T & { cursor: unknown }>(path, { at, ...(cursor ? { cursor } : {}) });
      expect(status).toBe(200);
      all.push(json);
      if (json.cursor === null) return all;
      cursor = json.cursor;
    }
  }

  it("when the directory is set back: the next tick ends the account again", async () => {
    const [user, other] = [await newUser(), await newUser()];
    const putBack = await directoryOf(user);
    await erase(user);
    await putBack();
    expect(await found(user)).toMatchObject({ accounts: 1, state: "active" });
    await new Pipeline().tick(TICK);
    expect(await found(user)).toEqual(GONE);
    expect(await found(other)).toMatchObject({ accounts: 1, state: "active" });
    expect((await other.ask("GET", "me")).status).toBe(200);
  });

  it("when its shard is set back: its rows go again, though the directory says that they are gone", async () => {
    const user = await newUser();
    const tenant = tenantOf(user.id);
    const shard = await shardOf(user.id);
    await erase(user);
    // As at the end of the sweep.
    const pipeline = new Pipeline();
    for (let tick = 0; tick < 3; tick++) await pipeline.tick(new Date("2026-11-20T10:21:00Z"));
    await shard
      .prepare("insert or replace into tenants (tenant_id, state, created_at) values (?1, 'active', 1)")
      .bind(tenant)
      .run();
    await apiEnv.DIRECTORY.prepare("update tenants set erased_at = 1 where tenant_id = ?1").bind(tenant).run();
    await pipeline.tick(TICK);
    for (let tick = 0; tick < 3; tick++) await pipeline.tick(new Date("2026-11-20T10:21:00Z"));
    expect(await rowsOf(shard, tenant)).toEqual([]);
  });

  it("when the directory is filled from a backup of before: neither the account nor its devices come back", async () => {
    const user = await newUser();
    await new Pipeline().tick(TICK);
    const at = Number.MAX_SAFE_INTEGER;
    await erase(user);
    const tenants = (await pages<{ tenants: { tenant_id: number; state: string }[] }>("backup/tenants", at)).flatMap(
      (page) => page.tenants,
    );
    expect(tenants.find(({ tenant_id }) => tenant_id === tenantOf(user.id))).toMatchObject({ state: "deleted" });
    await pages("backup/directory", at);
    expect(await found(user)).toEqual(GONE);
    // Nothing of it is left to be told from an empty database, either.
    await apiEnv.DIRECTORY.prepare("delete from tenants where tenant_id = ?1").bind(tenantOf(user.id)).run();
    await pages("backup/directory", at);
    expect(await found(user)).toEqual(GONE);
  });
});
