import { afterEach, beforeEach, expect, test } from "vitest";
import type { SignedIn } from "../core/protocol/auth.ts";
import { Http } from "./http.ts";
import { Session } from "./session.ts";
import { MemoryStorage } from "./storage.ts";
import { problem, TestServer, type Handler } from "../test/support/http-server.ts";

const server = new TestServer();
let storage: MemoryStorage;
let origin: string;

const signedIn = (n: number): SignedIn => ({
  user: { user_id: "u", email: "ada@example.org", name: "Ada", root_folder_id: "root" },
  device_id: "device-1",
  access_token: `access-${n}`,
  refresh_token: `refresh-${n}`,
  token_type: "Bearer",
  expires_in: 900,
});

/** Hands out access-1, access-2, ...; only the newest is valid, and a refresh token works once, or again by its last key (I5). */
const rotating = (): Handler => {
  let n = 0;
  let last_key: unknown;
  return ({ path, headers, json }) => {
    if (path === "/auth/login") return { status: 200, json: signedIn(++n) };
    if (path === "/auth/logout") return { status: 204 };
    if (path === "/auth/refresh") {
      const { refresh_token } = json() as { refresh_token: string };
      const key = headers["idempotency-key"];
      if (refresh_token === `refresh-${n - 1}` && key !== undefined && key === last_key)
        return { status: 200, json: signedIn(n) };
      if (refresh_token !== `refresh-${n}`) return problem(401, "invalid_refresh_token");
      last_key = key;
      return { status: 200, json: signedIn(++n) };
    }
    if (headers.authorization === undefined) return problem(401, "token_missing");
    return headers.authorization === `Bearer access-${n}` ? { status: 200, json: n } : problem(401, "token_expired");
  };
};

const open = (): { http: Http; session: Session } => {
  const http = new Http({ origin, backoff_ms: 1 });
  return { http, session: new Session({ http, storage }) };
};
const count = (path: string): number => server.seen.filter((s) => s.path === path).length;

beforeEach(async () => {
  server.seen.length = 0;
  storage = new MemoryStorage();
  origin = await server.start();
  server.handler = rotating();
});
afterEach(() => server.stop());

test("signing in again is the same device", async () => {
  const { session } = open();
  await session.login({ email: "ada@example.org", password: "p" });
  await session.logout();
  expect(session.state).toBe("signed_out");
  await session.login({ email: "ada@example.org", password: "p" });
  const bodies = server.seen.filter((s) => s.path === "/auth/login").map((s) => s.json() as object);
  expect(bodies[0]).not.toHaveProperty("device_id");
  expect(bodies[1]).toHaveProperty("device_id", "device-1");
});

test("requests that find the token expired at the same time share one refresh and are sent again", async () => {
  const { http, session } = open();
  await session.login({ email: "ada@example.org", password: "p" });
  // Another tab refreshes: our access token is no longer the newest.
  await open().session.fresh_token();
  const answers = await Promise.all([1, 2, 3].map(() => http.json({ path: "/me" })));
  expect(answers).toEqual([3, 3, 3]);
  expect(count("/auth/refresh")).toBe(2);
});

test("after a reload the session goes on from the stored refresh token", async () => {
  await open().session.login({ email: "ada@example.org", password: "p" });
  const { http, session } = open();
  expect(session.user?.name).toBe("Ada");
  expect(await http.json({ path: "/me" })).toBe(2);
});

test("two tabs that share the storage never spend the same refresh token", async () => {
  let queue = Promise.resolve<unknown>(undefined);
  const exclusively = <T>(task: () => Promise<T>): Promise<T> => {
    const turn = queue.then(task);
    queue = turn.catch(() => undefined);
    return turn;
  };
  await open().session.login({ email: "ada@example.org", password: "p" });
  const tabs = [1, 2, 3].map(() => new Session({ http: new Http({ origin }), storage, exclusively }));
  expect(await Promise.all(tabs.map((tab) => tab.fresh_token()))).toEqual(["access-2", "access-3", "access-4"]);
});

test("someone else who signs in here is another device", async () => {
  const { session } = open();
  await session.login({ email: "ada@example.org", password: "p" });
  await session.login({ email: "bob@example.org", password: "p" });
  expect(server.seen.at(-1)?.json()).not.toHaveProperty("device_id");
});

test("a revoked session signs out here and says so", async () => {
  const { http, session } = open();
  await session.login({ email: "ada@example.org", password: "p" });
  let told = 0;
  session.onChange(() => told++);
  server.handler = ({ path }) => problem(401, path === "/auth/refresh" ? "invalid_refresh_token" : "token_expired");
  await expect(http.json({ path: "/me" })).rejects.toMatchObject({ code: "token_expired" });
  expect([session.state, session.user, told]).toEqual(["signed_out", null, 1]);
});

test("a server that cannot be reached signs nobody out", async () => {
  const { session } = open();
  await session.login({ email: "ada@example.org", password: "p" });
  server.handler = () => problem(503, "unavailable");
  await expect(session.renew(session.access_token())).rejects.toMatchObject({ status: 503 });
  expect(session.state).toBe("signed_in");
});

/** The server does its work, and the answers of the first `times` refreshes are lost. */
const losing = (times: number): Handler => {
  const { handler } = server;
  return async (seen) => {
    const answer = await handler(seen);
    return seen.path === "/auth/refresh" && times-- > 0 ? "drop" : answer;
  };
};

test("I5: a refresh whose answer was lost is tried again, and signs nobody out", async () => {
  const { session } = open();
  await session.login({ email: "ada@example.org", password: "p" });
  server.handler = losing(2);
  expect(await session.renew(session.access_token())).toBe("access-2");
  expect(count("/auth/refresh")).toBe(3);
});

test("I5: nor when the program ended before the answer came", async () => {
  await open().session.login({ email: "ada@example.org", password: "p" });
  server.handler = losing(5);
  await expect(open().session.fresh_token()).rejects.toThrow("cannot be reached");
  const { session } = open();
  expect(await session.fresh_token()).toBe("access-2");
  expect(session.state).toBe("signed_in");
});

test("I5: each refresh has a key of its own", async () => {
  const { session } = open();
  await session.login({ email: "ada@example.org", password: "p" });
  for (let i = 0; i < 3; i++) await session.renew(session.access_token());
  const keys = server.seen.filter((s) => s.path === "/auth/refresh").map((s) => s.headers["idempotency-key"]);
  expect(new Set(keys).size).toBe(3);
});
