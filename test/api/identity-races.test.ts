/** I1, I2, I10 where several come at once, or the process ends between two steps; each begins with nobody there. */
import { beforeEach, describe, expect, it } from "vitest";
import type { SignedIn } from "../../core/protocol/auth.ts";
import { Api, apiEnv, expectProblem, PASSWORD, User, withVars } from "../support/workerd/api.ts";

const SETUP_TOKEN = "the token that the deployment printed";
const door = (REGISTRATION: string, more: Record<string, unknown> = {}): Api =>
  new Api(undefined, withVars({ REGISTRATION, SETUP_TOKEN, ...more }));
const register = (name: string, invite?: string) =>
  ["POST", "auth/register", { json: { email: `${name}@example.org`, password: PASSWORD, name, invite } }] as const;

async function roles(): Promise<string[]> {
  const { results } = await apiEnv.DIRECTORY.prepare("select role from accounts order by role").all<{ role: string }>();
  return results.map(({ role }) => role);
}

beforeEach(async () => {
  await apiEnv.DIRECTORY.batch(
    ["accounts", "tenants", "devices", "sign_in_sessions", "invites"].map((table) =>
      apiEnv.DIRECTORY.prepare(`delete from ${table}`),
    ),
  );
});

describe("the first account", () => {
  it("I1: of several who are the first at the same time one is the admin", async () => {
    const open = door("open");
    const answers = await Promise.all(["ann", "ben", "cleo"].map((name) => open.ask(...register(name))));
    expect(answers.map((a) => a.status)).toEqual([201, 201, 201]);
    expect(await roles()).toEqual(["admin", "member", "member"]);
  });

  it("I1: the setup token makes one account, also when several use it at the same time", async () => {
    const first = door("invite");
    const answers = await Promise.all(["ann", "ben", "cleo"].map((name) => first.ask(...register(name, SETUP_TOKEN))));
    const [won, ...lost] = answers.toSorted((a, b) => a.status - b.status);
    expect(won!.status).toBe(201);
    for (const answer of lost) expectProblem(answer, 403, "invite_required");
    expect(await roles()).toEqual(["admin"]);
  });
});

it("I2: of several who use an invitation at the same time one gets in, the others hear that it is used up", async () => {
  const admin = new User(await door("invite").ok<SignedIn>(...register("admin", SETUP_TOKEN)));
  const { invite } = await admin.ok<{ invite: string }>("POST", "admin/invites");
  const invited = door("invite");
  const answers = await Promise.all(["ann", "ben", "cleo"].map((name) => invited.ask(...register(name, invite))));
  const [won, ...lost] = answers.toSorted((a, b) => a.status - b.status);
  expect(won!.status).toBe(201);
  for (const answer of lost) expectProblem(answer, 403, "invite_required");
  expect(await roles()).toEqual(["admin", "member"]);
});

it("I10: a crash between shard and directory leaves rows that nobody can reach, and the address is free", async () => {
  const real = apiEnv.DIRECTORY;
  const crashing = { prepare: real.prepare.bind(real), batch: () => Promise.reject(new Error("the process ended")) };
  const crashed = await door("open", { DIRECTORY: crashing }).ask(...register("ann"));
  expectProblem(crashed, 500, "internal");
  expect(await roles()).toEqual([]);
  const rows = await real.prepare("select count(*) as n from tenants").first<{ n: number }>();
  expect(rows!.n).toBe(0);
  const ann = new User(await door("open").ok<SignedIn>(...register("ann")));
  expect((await ann.ask("GET", "folders/root/contents")).status).toBe(200);
});

it("I12: an account is made, and says so, whatever becomes of what waited for its address", async () => {
  await apiEnv.DIRECTORY.prepare("alter table pending_shares rename to pending_shares_away").run();
  try {
    expect((await door("open").ask(...register("ann"))).status).toBe(201);
  } finally {
    await apiEnv.DIRECTORY.prepare("alter table pending_shares_away rename to pending_shares").run();
  }
});
