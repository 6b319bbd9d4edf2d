/** I1 to I8 over accounts in memory; the passwords and tokens are the real ones. Doors: test/api/identity.test.ts. */
import { beforeEach, describe, expect, test } from "vitest";
import { scryptPasswords } from "../../platform/crypto/passwords.ts";
import { JwtTokens } from "../../platform/crypto/tokens.ts";
import { MemoryAccounts } from "../../test/support/memory/account-store.ts";
import { newId } from "../protocol/ids.ts";
import { ACCESS_TTL, REFRESH_TTL } from "./model.ts";
import { type IdentityDeps, login, refresh, register } from "./service.ts";
import { DAY } from "../time.ts";

const password = "correct horse battery staple";
const tokens = new JwtTokens("a secret of thirty-two characters");
let accounts: MemoryAccounts;
let now: number;

const deps = (registration: "open" | "invite" | "closed" = "open"): IdentityDeps => ({
  accounts,
  passwords: scryptPasswords,
  tokens,
  now: () => now,
  policy: { registration, setup_token: "setup", default_plan: "standard" },
});
const person = (name: string, invite?: string) => ({ email: `${name}@example.org`, name, password, invite });
const roles = (): string[] => [...accounts.accounts.values()].map(({ role }) => role).toSorted();
const outcome = (made: Promise<unknown>): Promise<string> =>
  made.then(
    () => "ok",
    (error: { code: string }) => error.code,
  );
const invite = async (secret: string): Promise<string> => {
  accounts.invites.set(await tokens.fingerprint(secret), { expires_at: now + 7 * DAY, used: false });
  return secret;
};

beforeEach(() => {
  accounts = new MemoryAccounts();
  now = Date.now();
});

describe("I1: who may register", () => {
  test("I1: the first account is the admin's, the others are members", async () => {
    await register(deps(), person("ada"));
    await register(deps(), person("bob"));
    expect(roles()).toEqual(["admin", "member"]);
  });

  test("I1: of two who are the first at the same time one is the admin", async () => {
    const made = ["ada", "bob"].map((name) => outcome(register(deps(), person(name))));
    expect(await Promise.all(made)).toEqual(["ok", "ok"]);
    expect(roles()).toEqual(["admin", "member"]);
  });

  test.each([
    ["invite", "invite_required"],
    ["closed", "registration_closed"],
  ] as const)(
    "I1: with REGISTRATION=%s the setup token makes one account, also when two use it at once",
    async (mode, code) => {
      expect(await outcome(register(deps(mode), person("eve", "wrong")))).toBe("invite_required");
      const made = ["ada", "bob"].map((name) => outcome(register(deps(mode), person(name, "setup"))));
      expect((await Promise.all(made)).toSorted()).toEqual([code, "ok"].toSorted());
      expect(roles()).toEqual(["admin"]);
      expect(await outcome(register(deps(mode), person("cy", "setup")))).toBe(code);
    },
  );

  test("I1: closed is closed for invitations too", async () => {
    await register(deps(), person("ada"));
    expect(await outcome(register(deps("closed"), person("bob", await invite("i"))))).toBe("registration_closed");
  });
});

describe("I2: invitations", () => {
  beforeEach(() => register(deps(), person("ada")));

  test("I2: an invitation is good once, and for seven days", async () => {
    const [first, late] = [await invite("first"), await invite("late")];
    expect(await outcome(register(deps("invite"), person("bob", first)))).toBe("ok");
    expect(await outcome(register(deps("invite"), person("cy", first)))).toBe("invite_required");
    now += 7 * DAY;
    expect(await outcome(register(deps("invite"), person("cy", late)))).toBe("invite_required");
  });

  test("I2: of two who use it at the same time the second is told that it is used up, not that it has an account", async () => {
    const both = await invite("both");
    const made = ["bob", "cy"].map((name) => outcome(register(deps("invite"), person(name, both))));
    expect((await Promise.all(made)).toSorted()).toEqual(["invite_required", "ok"]);
    expect(accounts.accounts.size).toBe(2);
  });

  test("I2: an address that is taken does not use the invitation up", async () => {
    const kept = await invite("kept");
    expect(await outcome(register(deps("invite"), person("ada", kept)))).toBe("account_exists");
    expect(await outcome(register(deps("invite"), person("bob", kept)))).toBe("ok");
  });
});

describe("I3: devices", () => {
  test("I3: a device that sends its id keeps it, and its earlier sign-in session ends", async () => {
    const first = await register(deps(), { ...person("ada"), device_name: "Laptop" });
    const { answer, ended } = await login(deps(), { ...person("ada"), device_id: first.device_id });
    expect(answer.device_id).toBe(first.device_id);
    expect(ended).toEqual([first.refresh_token.split(".")[0]]);
    expect(await outcome(refresh(deps(), first.refresh_token))).toBe("invalid_refresh_token");
    expect((await accounts.device(first.user.user_id, first.device_id))?.name).toBe("Laptop");
  });

  test("I3: an id that is not this user's makes a new device, and ends nothing", async () => {
    await register(deps(), person("ada"));
    const bob = await register(deps(), person("bob"));
    for (const device_id of [bob.device_id, newId(1, now)]) {
      const { answer, ended } = await login(deps(), { ...person("ada"), device_id });
      expect(answer.device_id).not.toBe(device_id);
      expect(ended).toEqual([]);
    }
    expect(await outcome(refresh(deps(), bob.refresh_token))).toBe("ok");
  });
});

test("I4: an access token is good for 15 minutes", async () => {
  now -= ACCESS_TTL + 1000;
  const { access_token } = await register(deps(), person("ada"));
  await expect(tokens.verify(access_token)).rejects.toMatchObject({ code: "token_expired" });
  now += 60_000;
  const { user_id } = await tokens.verify((await login(deps(), person("ada"))).answer.access_token);
  expect(user_id).toBe((await accounts.byEmail("ada@example.org"))?.user_id);
});

describe("I5: refresh tokens", () => {
  let token: string;
  beforeEach(async () => {
    token = (await register(deps(), person("ada"))).refresh_token;
  });
  const next = async (from: string, key?: string) => (await refresh(deps(), from, key)).refresh_token;

  test.each([undefined, "key"])("I5: they rotate, and an old one ends the family (key: %s)", async (key) => {
    const second = await next(token, key);
    expect(second).not.toBe(token);
    const third = await next(second, key);
    expect(await outcome(refresh(deps(), token, key))).toBe("invalid_refresh_token");
    expect(await outcome(refresh(deps(), third))).toBe("invalid_refresh_token");
  });

  test("I5: whoever lost the answer gets it again by the same key, as often as they lose it", async () => {
    const second = await next(token, "key");
    expect(await next(token, "key")).toBe(second);
    expect(await next(token, "key")).toBe(second);
    expect(await outcome(refresh(deps(), second, "another key"))).toBe("ok");
  });

  test("I5: two tries of one request at the same time get the same answer", async () => {
    const [a, b] = await Promise.all([next(token, "key"), next(token, "key")]);
    expect(a).toBe(b);
  });

  test.each([undefined, "another key"])("I5: an old token with another key ends the family (key: %s)", async (key) => {
    const second = await next(token, "key");
    expect(await outcome(refresh(deps(), token, key))).toBe("invalid_refresh_token");
    expect(await outcome(refresh(deps(), second))).toBe("invalid_refresh_token");
  });

  test("I5: the same key does not bring an answer back that has been used since", async () => {
    const third = await next(await next(token, "key"), "next key");
    expect(await outcome(refresh(deps(), token, "key"))).toBe("invalid_refresh_token");
    expect(await outcome(refresh(deps(), third))).toBe("invalid_refresh_token");
  });

  test("I5: the next secret follows from session, old secret, key and the server's own secret, from all of them", async () => {
    const other = new JwtTokens("another secret of 32 characters!!");
    const made = [
      await tokens.nextSecret("s", "a", "k"),
      await tokens.nextSecret("t", "a", "k"),
      await tokens.nextSecret("s", "b", "k"),
      await tokens.nextSecret("s", "a", "l"),
      await other.nextSecret("s", "a", "k"),
    ];
    expect(new Set(made).size).toBe(made.length);
    expect(await tokens.nextSecret("s", "a", "k")).toBe(made[0]);
    for (const secret of made) expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test("I5: they last 30 days", async () => {
    now += REFRESH_TTL - 1;
    const second = await next(token);
    now += 1;
    expect(await outcome(refresh(deps(), second))).toBe("invalid_refresh_token");
  });
});

test("I7: passwords are kept as salted scrypt hashes, refresh secrets and invitations as hashes", async () => {
  const [ada, bob] = [await register(deps(), person("ada")), await register(deps(), person("bob"))];
  const [first, second] = [...accounts.accounts.values()].map((account) => account.password_hash);
  expect(first).toMatch(/^scrypt\$[^$]+\$[^$]+$/);
  expect(first).not.toBe(second);
  const kept = JSON.stringify([[...accounts.accounts.values()], [...accounts.sessions.values()]]);
  for (const secret of [password, ada.refresh_token.split(".")[1], bob.refresh_token.split(".")[1]])
    expect(kept).not.toContain(secret);
});

test("I8: a wrong password and an unknown account get the same answer, after a hash each", async () => {
  await register(deps(), person("ada"));
  const hashed: (string | null)[] = [];
  const passwords: IdentityDeps["passwords"] = {
    ...scryptPasswords,
    verify: (said, hash) => {
      hashed.push(hash);
      return scryptPasswords.verify(said, hash);
    },
  };
  const refusals: unknown[] = [];
  for (const email of ["ada@example.org", "nobody@example.org"])
    await login({ ...deps(), passwords }, { email, password: "wrong password" }).catch((e: unknown) =>
      refusals.push(e),
    );
  expect(refusals[0]).toMatchObject({ code: "invalid_credentials" });
  expect(refusals[1]).toEqual(refusals[0]);
  expect(hashed).toEqual([expect.any(String), null]);
  expect(await scryptPasswords.verify("", null)).toBe(false);
});
