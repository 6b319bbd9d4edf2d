import { getCookie } from "hono/cookie";
import { createMiddleware } from "hono/factory";
import { DriveError } from "../../../core/protocol/errors.ts";
import { SOCKET_TOKEN_PREFIX } from "../../../core/protocol/sync.ts";
import { idempotencyKey } from "../http.ts";
import type { AppEnv } from "../types.ts";

/**
 * Lets a browser load pictures and downloads by itself; good for reading only, so no other site can change anything. A
 * WebSocket is more than reading, and browsers open one across sites with the cookie: it needs the token itself.
 */
export const ACCESS_COOKIE = "edgedrive_access";

const takesCookie = ({ method, headers }: Request): boolean =>
  (method === "GET" || method === "HEAD") && !headers.has("upgrade");

function bearer(request: Request): string | null {
  const header = request.headers.get("authorization");
  if (header !== null) return /^Bearer +(\S+)$/i.exec(header)?.[1] ?? "";
  // A browser cannot set headers on a WebSocket: the token comes as a sub-protocol.
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const token = offered.map((p) => p.trim()).find((p) => p.startsWith(SOCKET_TOKEN_PREFIX));
  return token === undefined ? null : token.slice(SOCKET_TOKEN_PREFIX.length);
}

export const authenticate = createMiddleware<AppEnv>(async (c, next) => {
  const token = bearer(c.req.raw) ?? (takesCookie(c.req.raw) ? getCookie(c, ACCESS_COOKIE) : undefined);
  if (token === undefined) throw new DriveError("token_missing", "Please sign in.");
  const { app } = c.var;
  const claims = await app.tokens.verify(token);
  if (await app.revoked.has(claims.session_id)) throw new DriveError("token_revoked", "This device was signed out.");
  c.set("claims", claims);
  c.set("op_id", `${claims.user_id}:${idempotencyKey(c) ?? crypto.randomUUID()}`);
  await next();
});
