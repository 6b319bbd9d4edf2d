/** docs/spec/identity.md: who may register, and what a device is. Tokens are in tokens.test.ts. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Device, Me, SignedIn } from "../../core/protocol/auth.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import { Api, apiEnv, expectProblem, newUser, PASSWORD, User, withVars } from "../support/workerd/api.ts";

const nobody = (vars: Record<string, unknown>): Api => new Api(undefined, withVars(vars));
const register = (name: string, invite?: string) =>
  ["POST", "auth/register", { json: { email: `${name}@example.org`, password: PASSWORD, name, invite } }] as const;

let admin: User;

describe("registration", () => {
  beforeAll(async () => {
    const first = nobody({ REGISTRATION: "invite" });
    expectProblem(await first.ask(...register("stranger")), 403, "invite_required");
    expectProblem(await first.ask(...register("stranger", "a guess")), 403, "invite_required");
    const setup = (first.env as unknown as { SETUP_TOKEN: string }).SETUP_TOKEN;
    admin = new User(await first.ok<SignedIn>(...register("admin", setup)));
  });

  it("I1: the first account is the admin's, and the setup token is of no use after it", async () => {
    expect((await admin.ok<Me>("GET", "me")).user.role).toBe("admin");
    const setup = (admin.env as unknown as { SETUP_TOKEN: string }).SETUP_TOKEN;
    expectProblem(await nobody({ REGISTRATION: "invite" }).ask(...register("second", setup)), 403, "invite_required");
  });

  it("I2: an invitation is good once, for the one of two who use it at the same time", async () => {
    const { invite } = await admin.ok<{ invite: string }>("POST", "admin/invites");
    const invited = nobody({ REGISTRATION: "invite" });
    const answers = await Promise.all(["ann", "ben"].map((name) => invited.ask(...register(name, invite))));
    expect(answers.filter((a) => a.status === 201)).toHaveLength(1);
    expect(answers.find((a) => a.status !== 201)!.status).toBeLessThan(500);
    expectProblem(await invited.ask(...register("cleo", invite)), 403, "invite_required");
    const made = answers.find((a) => a.status === 201)!.json as unknown as SignedIn;
    expect((await new User(made).ok<Me>("GET", "me")).user.role).toBe("member");
  });

  it("I2: one that has expired is refused", async () => {
    const { invite } = await admin.ok<{ invite: string }>("POST", "admin/invites");
    await apiEnv.DIRECTORY.prepare("update invites set expires_at = 1").run();
    expectProblem(await nobody({ REGISTRATION: "invite" }).ask(...register("late", invite)), 403, "invite_required");
  });

  it("I1: closed is closed, with an invitation too", async () => {
    const { invite } = await admin.ok<{ invite: string }>("POST", "admin/invites");
    const closed = nobody({ REGISTRATION: "closed" });
    expectProblem(await closed.ask(...register("dora", invite)), 403, "registration_closed");
  });

  it("one address, two at once: one account", async () => {
    const open = nobody({ REGISTRATION: "open" });
    const answers = await Promise.all([1, 2].map(() => open.ask(...register("twin"))));
    expect(answers.map((a) => a.status).toSorted()).toEqual([201, 409]);
  });

  it("I10: tenants spread evenly over the shards, and each has rows in its own only", async () => {
    const users = [];
    for (let i = 0; i < 6; i++) users.push(await newUser({ REGISTRATION: "open" }));
    const found: Record<string, number> = {};
    for (const user of users)
      for (const shard of apiEnv.SHARDS.split(",")) {
        const row = apiEnv[shard]!.prepare("select 1 from tenants where tenant_id = ?1").bind(tenantOf(user.id));
        if ((await row.first()) !== null) found[shard] = (found[shard] ?? 0) + 1;
      }
    expect(found).toEqual({ SHARD_00: 3, SHARD_01: 3 });
  });

  it("I7: neither password nor refresh secret is stored", async () => {
    const user = await newUser({ REGISTRATION: "open" });
    const [account, session] = await apiEnv.DIRECTORY.batch([
      apiEnv.DIRECTORY.prepare("select * from accounts where user_id = ?1").bind(user.id),
      apiEnv.DIRECTORY.prepare("select * from sign_in_sessions where user_id = ?1").bind(user.id),
    ]);
    const stored = JSON.stringify([account!.results, session!.results]);
    expect(stored).not.toContain(PASSWORD);
    expect(stored).not.toContain(user.signedIn.refresh_token.split(".")[1]);
  });
});

describe("devices", () => {
  const login = (user: User, json: Record<string, unknown> = {}) =>
    user.ok<SignedIn>("POST", "auth/login", { json: { email: user.signedIn.user.email, password: PASSWORD, ...json } });

  it("I3: a device that sends its id stays the same device; its earlier sign-in ends", async () => {
    const user = await newUser({ REGISTRATION: "open" });
    const { device_id } = user.signedIn;
    const again = await login(user, { device_id, device_name: "Desk" });
    expect(again.device_id).toBe(device_id);
    const refresh = { json: { refresh_token: user.signedIn.refresh_token } };
    expectProblem(await new Api().ask("POST", "auth/refresh", refresh), 401, "invalid_refresh_token");
    const { items } = await new User(again, user.env).ok<{ items: Device[] }>("GET", "devices");
    expect(items.map((d) => [d.device_id, d.name])).toEqual([[device_id, "Desk"]]);
  });

  it("I3: another's device id makes a new device, and tells nothing", async () => {
    const [user, other] = [await newUser({ REGISTRATION: "open" }), await newUser({ REGISTRATION: "open" })];
    const { device_id } = await login(user, { device_id: other.signedIn.device_id });
    expect(device_id).not.toBe(other.signedIn.device_id);
    expect((await other.ask("GET", "me")).status).toBe(200);
  });

  it("I9: the cookie is HttpOnly and SameSite=Strict, and Secure over https", async () => {
    const user = await newUser({ REGISTRATION: "open" });
    const json = { email: user.signedIn.user.email, password: PASSWORD };
    const { headers } = await user.ask("POST", "auth/login", { json });
    const [cookie] = headers.getSetCookie();
    for (const attribute of ["HttpOnly", "SameSite=Strict", "Secure", "Path=/api/v1"])
      expect(cookie).toContain(attribute);
  });
});
