import { getCookie } from "hono/cookie";
import { createMiddleware } from "hono/factory";
import { DriveError } from "../../../core/protocol/errors.ts";
import { SOCKET_TOKEN_PREFIX } from "../../../core/protocol/sync.ts";
import type { AppEnv } from "../types.ts";

/** Lets a browser load pictures and downloads by itself; good for reading only, so no other site can change anything. */
export const ACCESS_COOKIE = "edgedrive_access";

function bearer(request: Request): string | null {
  const header = request.headers.get("authorization");
  if (header !== null) return /^Bearer +(\S+)$/i.exec(header)?.[1] ?? "";
  // A browser cannot set headers on a WebSocket: the token comes as a sub-protocol.
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const token = offered.map((p) => p.trim()).find((p) => p.startsWith(SOCKET_TOKEN_PREFIX));
  return token === undefined ? null : token.slice(SOCKET_TOKEN_PREFIX.length);
}

export const authenticate = createMiddleware<AppEnv>(async (c, next) => {
  const reading = c.req.method === "GET" || c.req.method === "HEAD";
  const token = bearer(c.req.raw) ?? (reading ? getCookie(c, ACCESS_COOKIE) : undefined);
  if (token === undefined) throw new DriveError("token_missing", "Please sign in.");
  const { app } = c.var;
  const claims = await app.tokens.verify(token);
  if (await app.revoked.has(claims.session_id)) throw new DriveError("token_revoked", "This device was signed out.");
  c.set("claims", claims);
  const key = c.req.header("idempotency-key");
  if (key !== undefined && !/^[\x21-\x7e]{1,100}$/.test(key))
    throw new DriveError("invalid_request", "Idempotency-Key must be 1 to 100 visible ASCII characters.");
  c.set("op_id", `${claims.user_id}:${key ?? crypto.randomUUID()}`);
  await next();
});
