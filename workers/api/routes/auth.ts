import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { deleteCookie, setCookie } from "hono/cookie";
import { login, refresh, register, ReusedRefreshToken } from "../../../core/identity/service.ts";
import {
  inviteSchema,
  loginSchema,
  refreshSchema,
  registerSchema,
  type SignedIn,
  signedInSchema,
} from "../../../core/protocol/auth.ts";
import { toTime } from "../../../core/protocol/common.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { newSecret } from "../../../core/protocol/ids.ts";
import { body, idempotencyHeaders, json, noContent, problems, signedIn } from "../http.ts";
import { throttle } from "../middleware/limits.ts";
import { ACCESS_COOKIE, authenticate } from "../middleware/authenticate.ts";
import { attachPendingShares } from "../sharing.ts";
import type { App, AppEnv } from "../types.ts";

const tags = ["auth"];
const INVITE_TTL = 7 * 24 * 3_600_000;

/** The cookie lets the browser fetch pictures and downloads; see `authenticate`. */
function withCookie(c: Context<AppEnv>, answer: SignedIn): SignedIn {
  const secure = new URL(c.req.url).protocol === "https:";
  setCookie(c, ACCESS_COOKIE, answer.access_token, {
    httpOnly: true,
    sameSite: "Strict",
    path: "/api/v1",
    maxAge: answer.expires_in,
    secure,
  });
  return answer;
}

/** Work that the answer does not wait for, and that nothing is lost by when it fails. */
function later(c: Context<AppEnv>, what: string, work: Promise<unknown>): void {
  const failed = (error: unknown): void =>
    console.error({ message: `could not ${what}`, error: error instanceof Error ? error.name : "unknown" });
  c.executionCtx.waitUntil(work.catch(failed));
}

/** Ended sign-ins: their tokens are refused here from now on, and their sockets closed after the answer. */
function signOut(c: Context<AppEnv>, user_id: string, session_ids: string[]): void {
  if (session_ids.length === 0) return;
  for (const id of session_ids) c.var.app.revoked.add(id);
  later(c, "close sockets", c.var.app.hub(user_id).signOut(session_ids));
}

export function authRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "post",
      path: "/auth/register",
      tags,
      request: body(registerSchema),
      responses: {
        201: json(signedInSchema, "The new account, signed in"),
        ...problems,
      },
    }),
    async (c) => {
      const answer = await register(c.var.app.identity, c.req.valid("json"));
      // Once mail is on, this belongs to the verification of the address. The account is there whatever becomes of it:
      // what fails here waits for the next sign-in.
      later(c, "attach shares that waited", attachPendingShares(c.var.app, answer.user));
      return c.json(withCookie(c, answer), 201);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/auth/login",
      tags,
      request: body(loginSchema),
      responses: {
        200: json(signedInSchema, "Signed in"),
        ...problems,
      },
    }),
    async (c) => {
      const input = c.req.valid("json");
      await throttle(c, input.email);
      const { answer, ended } = await login(c.var.app.identity, input);
      signOut(c, answer.user.user_id, ended);
      // What a crash or an outage at registration left waiting.
      later(c, "attach shares that waited", attachPendingShares(c.var.app, answer.user));
      return c.json(withCookie(c, answer), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/auth/refresh",
      tags,
      description:
        "A token is good once: using it again ends the sign-in. The exception is a repeat with the same `Idempotency-Key` (a fresh random one for each refresh) while the token that the first try gave is still the newest: it gets that token again.",
      request: { ...body(refreshSchema), headers: idempotencyHeaders },
      responses: {
        200: json(signedInSchema, "New tokens; the old refresh token is used up"),
        ...problems,
      },
    }),
    async (c) => {
      try {
        const { refresh_token } = c.req.valid("json");
        const { session_id: _, ...answer } = await refresh(
          c.var.app.identity,
          refresh_token,
          c.req.valid("header")["idempotency-key"],
        );
        return c.json(withCookie(c, answer), 200);
      } catch (error) {
        if (error instanceof ReusedRefreshToken) signOut(c, error.user_id, [error.session_id]);
        throw error;
      }
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/auth/logout",
      tags,
      security: signedIn,
      middleware: [authenticate],
      responses: {
        ...noContent,
        ...problems,
      },
    }),
    async (c) => {
      const { session_id, user_id } = c.var.claims;
      await c.var.app.accounts.revoke(session_id, Date.now());
      c.var.app.revoked.add(session_id);
      await c.var.app.hub(user_id).signOut([session_id]);
      deleteCookie(c, ACCESS_COOKIE, { path: "/api/v1" });
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/admin/invites",
      tags: ["admin"],
      security: signedIn,
      middleware: [authenticate],
      responses: {
        201: json(inviteSchema, "A one-time invitation, valid for seven days"),
        ...problems,
      },
    }),
    async (c) => {
      const { user_id, role } = c.var.claims;
      if (role !== "admin") throw new DriveError("forbidden", "Only an admin can invite people.");
      const { app } = c.var;
      const invite = newSecret();
      const expires_at = Date.now() + INVITE_TTL;
      await app.accounts.createInvite(await app.tokens.fingerprint(invite), user_id, Date.now(), expires_at);
      const register_url = `${new URL(c.req.url).origin}/register?invite=${invite}`;
      return c.json({ invite, register_url, expires_at: toTime(expires_at) }, 201);
    },
  );
}
