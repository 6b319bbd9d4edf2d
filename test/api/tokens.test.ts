/** Access and refresh tokens that are missing, forged, expired, revoked or used twice. */
import { SignJWT } from "jose";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { SignedIn } from "../../core/protocol/auth.ts";
import type { ErrorCode } from "../../core/protocol/errors.ts";
import { JwtTokens } from "../../platform/crypto/tokens.ts";
import {
  Api,
  apiEnv,
  expectProblem,
  expectRefused,
  newUser,
  PASSWORD,
  type User,
  withVars,
} from "../support/workerd/api.ts";

const base64url = (text: string): string => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

let user: User;
beforeAll(async () => {
  // The first account is the admin's; forging that role must not be forging the truth.
  await newUser();
  user = await newUser();
});

const payloadOf = (token: string): Record<string, unknown> =>
  JSON.parse(atob(token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/"))) as Record<string, unknown>;

/** The user's own claims, signed by whoever. */
const signed = (secret: string, header: { alg: string }, change: Record<string, unknown> = {}): Promise<string> =>
  new SignJWT({ ...payloadOf(user.token!), ...change })
    .setProtectedHeader(header)
    .sign(new TextEncoder().encode(secret));

async function expired(): Promise<string> {
  const { user_id, ...rest } = await new JwtTokens(apiEnv.TOKEN_SECRET).verify(user.token!);
  return new JwtTokens(apiEnv.TOKEN_SECRET).sign({ user_id, ...rest }, Date.now() - 16 * 60_000);
}

const forged: [string, ErrorCode, () => string | undefined | Promise<string>][] = [
  ["none", "token_missing", () => undefined],
  ["empty", "token_invalid", () => ""],
  ["rubbish", "token_invalid", () => "rubbish"],
  ["alg none", "token_invalid", () => `${base64url('{"alg":"none"}')}.${user.token!.split(".")[1]}.`],
  [
    "alg none, with the real signature",
    "token_invalid",
    () => `${base64url('{"alg":"none"}')}.${user.token!.split(".").slice(1).join(".")}`,
  ],
  ["another secret", "token_invalid", () => signed("another secret of 32 characters!!", { alg: "HS256" })],
  ["another algorithm", "token_invalid", () => signed(apiEnv.TOKEN_SECRET, { alg: "HS512" })],
  ["another user in it", "token_invalid", () => tampered({ sub: crypto.randomUUID() })],
  ["admin in it", "token_invalid", () => tampered({ role: "admin" })],
  ["another issuer", "token_invalid", () => signed(apiEnv.TOKEN_SECRET, { alg: "HS256" }, { iss: "elsewhere" })],
  ["claims missing", "token_invalid", () => signed(apiEnv.TOKEN_SECRET, { alg: "HS256" }, { sid: undefined })],
  ["expired", "token_expired", expired],
];

/** The real signature under another payload. */
function tampered(change: Record<string, unknown>): string {
  const [header, , signature] = user.token!.split(".");
  return `${header}.${base64url(JSON.stringify({ ...payloadOf(user.token!), ...change }))}.${signature}`;
}

describe("access tokens", () => {
  it.each(forged)("I4: %s: 401 %s", async (_name, code, make) => {
    const token = await make();
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const nobody = new Api();
    const folder = { json: { parent_id: user.id, name: "Forged" }, headers };
    const answer = await expectRefused(nobody, 401, code, "POST", "folders", folder);
    expect(answer.headers.get("www-authenticate")).toContain("Bearer");
    await expectRefused(nobody, 401, code, "GET", "me", { headers });
    await expectRefused(nobody, 401, code, "POST", "files/upload?name=forged", { body: "forged", headers });
  });

  it("no scheme but Bearer", async () => {
    const headers = { authorization: `Basic ${user.token}` };
    await expectRefused(new Api(), 401, "token_invalid", "GET", "me", { headers });
  });

  it("I9: the cookie reads, and changes nothing", async () => {
    const headers = { cookie: `edgedrive_access=${user.token}` };
    expect((await new Api().ask("GET", "me", { headers })).status).toBe(200);
    const folder = { json: { parent_id: "root", name: "By cookie" }, headers };
    await expectRefused(new Api(), 401, "token_missing", "POST", "folders", folder);
    await expectRefused(new Api(), 401, "token_missing", "DELETE", `files/${user.id}`, { headers });
  });

  it("I6: a session that signed out is refused: 401 token_revoked", async () => {
    const leaving = await newUser();
    await leaving.ok("POST", "auth/logout");
    await expectRefused(leaving, 401, "token_revoked", "GET", "me");
    await expectRefused(leaving, 401, "token_revoked", "POST", "folders", { json: { parent_id: "root", name: "x" } });
    const json = { refresh_token: leaving.signedIn.refresh_token };
    await expectRefused(new Api(), 401, "invalid_refresh_token", "POST", "auth/refresh", { json });
  });

  it("I6: an isolate that has read the list of the revoked before refuses within 60 s", async () => {
    const leaving = await newUser();
    const elsewhere = new Api(leaving.token, withVars({}));
    expect((await elsewhere.ask("GET", "me")).status).toBe(200);
    await leaving.ok("POST", "auth/logout");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    try {
      await expectRefused(elsewhere, 401, "token_revoked", "GET", "me");
    } finally {
      vi.useRealTimers();
    }
  });

  it("a device that was removed is signed out, the others are not", async () => {
    const { email } = user.signedIn.user;
    const second = await user.ok<SignedIn>("POST", "auth/login", { json: { email, password: PASSWORD } });
    await user.ok("DELETE", `devices/${second.device_id}`);
    expectProblem(await new Api(second.access_token, user.env).ask("GET", "me"), 401, "token_revoked");
    expect((await user.ask("GET", "me")).status).toBe(200);
  });
});

describe("refresh tokens", () => {
  const refresh = (refresh_token: string) => ["POST", "auth/refresh", { json: { refresh_token } }] as const;

  it("I5: rotate; the second use of one revokes the family, its access tokens too", async () => {
    const { signedIn } = await newUser();
    const nobody = new Api();
    const next = await nobody.ok<SignedIn>(...refresh(signedIn.refresh_token));
    expect(next.refresh_token).not.toBe(signedIn.refresh_token);
    expect((await new Api(next.access_token).ask("GET", "me")).status).toBe(200);

    expectProblem(await nobody.ask(...refresh(signedIn.refresh_token)), 401, "invalid_refresh_token");
    await expectRefused(nobody, 401, "invalid_refresh_token", ...refresh(next.refresh_token));
    for (const token of [signedIn.access_token, next.access_token])
      await expectRefused(new Api(token), 401, "token_revoked", "GET", "me");
  });

  it("I5: two uses at once: one rotates at most, and the family ends", async () => {
    const { signedIn } = await newUser();
    const nobody = new Api();
    const answers = await Promise.all([1, 2].map(() => nobody.ask<SignedIn>(...refresh(signedIn.refresh_token))));
    const won = answers.filter(({ status }) => status === 200);
    expect(won.length).toBeLessThanOrEqual(1);
    for (const { json } of won)
      expectProblem(await nobody.ask(...refresh(json.refresh_token)), 401, "invalid_refresh_token");
  });

  it("I5: a wrong secret of a real session is a re-use: whoever guesses ends it, and learns nothing", async () => {
    const { signedIn } = await newUser();
    const [session] = signedIn.refresh_token.split(".");
    const guess = await new Api().ask(...refresh(`${session}.${"x".repeat(43)}`));
    expectProblem(guess, 401, "invalid_refresh_token");
    expect(JSON.stringify(guess.json)).not.toContain(session);
  });

  it("I5: one past its time is refused", async () => {
    const { signedIn } = await newUser();
    const [session] = signedIn.refresh_token.split(".");
    await apiEnv.DIRECTORY.prepare("update sign_in_sessions set expires_at = 1 where session_id = ?1")
      .bind(session)
      .run();
    await expectRefused(new Api(), 401, "invalid_refresh_token", ...refresh(signedIn.refresh_token));
  });
});

it("I8: sign-in attempts are slowed per account and address: 429 rate_limited with Retry-After", async () => {
  const { signedIn } = await newUser();
  const json = { email: signedIn.user.email, password: "wrong password" };
  const attempt = () => new Api().ask("POST", "auth/login", { json });
  let answer = await attempt();
  // 20 a minute: 41 attempts in a row have more than 20 in one of two minutes.
  for (let i = 1; i < 41 && answer.status === 401; i++) answer = await attempt();
  expectProblem(answer, 429, "rate_limited");
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
}, 60_000);
