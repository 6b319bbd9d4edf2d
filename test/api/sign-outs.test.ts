/** I3, I5, I6, I9, Q5 at the doors: what ends a sign-in elsewhere, and who is let in with what. */
import { describe, expect, it } from "vitest";
import type { Device, SignedIn } from "../../core/protocol/auth.ts";
import { SOCKET_PROTOCOL, SOCKET_TOKEN_PREFIX } from "../../core/protocol/sync.ts";
import { Api, apiEnv, expectProblem, newUser, PASSWORD, User, withVars } from "../support/workerd/api.ts";

const login = (user: User, json: Record<string, unknown> = {}) =>
  user.ok<SignedIn>("POST", "auth/login", { json: { email: user.signedIn.user.email, password: PASSWORD, ...json } });

/** The real bindings, and which sign-ins the hub of a user was asked to sign out. */
function watchedHubs(): { vars: Record<string, unknown>; ended: string[] } {
  const ended: string[] = [];
  const real = apiEnv.SYNC_HUB;
  const SYNC_HUB = {
    idFromName: (name: string) => real.idFromName(name),
    get: (id: DurableObjectId) => {
      const hub = real.get(id);
      return {
        signOut: async (ids: string[]) => {
          ended.push(...ids);
          await hub.signOut(ids);
        },
      };
    },
  };
  return { vars: { SYNC_HUB }, ended };
}
const sessionOf = (signedIn: SignedIn): string => signedIn.refresh_token.split(".")[0]!;

describe("signing in again", () => {
  it("I3, I6: ends the device's earlier sign-in at once, its access tokens and its sockets", async () => {
    const { vars, ended } = watchedHubs();
    const user = await newUser(vars);
    const { device_id } = user.signedIn;
    expect((await user.ask("GET", "devices")).status).toBe(200);
    const again = await login(user, { device_id });
    expectProblem(await user.ask("GET", "devices"), 401, "token_revoked");
    expect(ended).toEqual([sessionOf(user.signedIn)]);
    expect((await new User(again, user.env).ask("GET", "devices")).status).toBe(200);
  });

  it("I3: on another device ends nothing", async () => {
    const { vars, ended } = watchedHubs();
    const user = await newUser(vars);
    await login(user);
    expect((await user.ask("GET", "devices")).status).toBe(200);
    expect(ended).toEqual([]);
  });

  it("I3: devices are paged in the order in which they came", async () => {
    const user = await newUser();
    const ids = [user.signedIn.device_id];
    for (let i = 0; i < 4; i++) ids.push((await login(user)).device_id);
    type Page = { items: Device[]; next_cursor: string | null };
    const pages: string[][] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page: Page = await user.ok<Page>("GET", `devices?limit=2${query}`);
      pages.push(page.items.map((device) => device.device_id));
      cursor = page.next_cursor;
    }
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(ids.toSorted());
    expectProblem(await user.ask("GET", "devices?cursor=rubbish"), 400, "cursor_invalid");
  });
});

describe("refresh", () => {
  const refresh = (refresh_token: string, key: string) =>
    ["POST", "auth/refresh", { json: { refresh_token }, headers: { "idempotency-key": key } }] as const;

  it("I5: a lost answer comes again by the same key, and ends nothing", async () => {
    const { vars, ended } = watchedHubs();
    const user = await newUser(vars);
    const { refresh_token } = user.signedIn;
    const tries = await Promise.all([1, 2, 3].map(() => user.ok<SignedIn>(...refresh(refresh_token, "one-key"))));
    expect(new Set(tries.map((answer) => answer.refresh_token)).size).toBe(1);
    const next = await user.ok<SignedIn>(...refresh(tries[0]!.refresh_token, "the-next-key"));
    expect((await new User(next, user.env).ask("GET", "devices")).status).toBe(200);
    expect(ended).toEqual([]);
  });

  it("I5: by another key an old token ends the sign-in, and by its own when it has been used since", async () => {
    for (const key of ["another", "one-key"]) {
      const { vars, ended } = watchedHubs();
      const user = await newUser(vars);
      const second = await user.ok<SignedIn>(...refresh(user.signedIn.refresh_token, "one-key"));
      if (key === "one-key") await user.ok(...refresh(second.refresh_token, "two"));
      expectProblem(await user.ask(...refresh(user.signedIn.refresh_token, key)), 401, "invalid_refresh_token");
      expectProblem(await user.ask("GET", "devices"), 401, "token_revoked");
      expect(ended).toEqual([sessionOf(user.signedIn)]);
    }
  });

  it("I5: a key that is none is refused before anything is spent", async () => {
    const user = await newUser();
    const { refresh_token } = user.signedIn;
    expectProblem(await user.ask(...refresh(refresh_token, "x".repeat(101))), 400, "invalid_request");
    await user.ok(...refresh(refresh_token, "x".repeat(100)));
  });
});

describe("sockets", () => {
  const open = (user: User, headers: Record<string, string>) =>
    new Api(undefined, user.env).ask("GET", "sync/ws", { headers: { upgrade: "websocket", ...headers } });

  it("I9: the cookie opens none, so no other site can listen", async () => {
    const user = await newUser();
    const cookie = `edgedrive_access=${user.token}`;
    expectProblem(await open(user, { cookie }), 401, "token_missing");
    expectProblem(await open(user, { cookie, "sec-websocket-protocol": SOCKET_PROTOCOL }), 401, "token_missing");
    const protocol = `${SOCKET_PROTOCOL}, ${SOCKET_TOKEN_PREFIX}${user.token}`;
    expect((await open(user, { "sec-websocket-protocol": protocol })).status).toBe(101);
    expect((await open(user, { authorization: `Bearer ${user.token}` })).status).toBe(101);
  });
});

describe("calls", () => {
  const limiter = (asked: string[], success: boolean) => ({
    limit: async ({ key }: { key: string }) => {
      asked.push(key);
      return { success };
    },
  });

  it("Q5: are counted for each user, and refused with Retry-After", async () => {
    const user = await newUser();
    const asked: string[] = [];
    const full = new Api(user.token, withVars({ CALLS_STANDARD: limiter(asked, false) }));
    const answer = await full.ask("GET", "me");
    expectProblem(answer, 429, "rate_limited");
    expect(answer.headers.get("retry-after")).toBe("60");
    expect(asked).toEqual([user.id]);
  });

  it("Q5: are counted for each address, before anybody is known", async () => {
    const asked: string[] = [];
    const full = new Api(undefined, withVars({ ADDRESS_STANDARD: limiter(asked, false) }));
    const headers = { "cf-connecting-ip": "192.0.2.7" };
    expectProblem(await full.ask("GET", "me", { headers }), 429, "rate_limited");
    expectProblem(await full.ask("GET", "/s/x", { headers }), 429, "rate_limited");
    expect(asked).toEqual(["192.0.2.7", "192.0.2.7"]);
  });
});

it.each(["/api/v1", "/v1"])(
  "answers under %s have the headers that keep a browser from misreading them",
  async (base) => {
    for (const path of ["me", "openapi.json", "nowhere"]) {
      const { headers } = await new Api().ask("GET", `${base}/${path}`);
      expect(headers.get("x-content-type-options"), path).toBe("nosniff");
      expect(headers.get("x-frame-options"), path).toBe("DENY");
    }
  },
);
