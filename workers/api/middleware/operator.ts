import { createMiddleware } from "hono/factory";
import { DriveError } from "../../../core/protocol/errors.ts";
import type { AppEnv } from "../types.ts";

/** For what only the operator's token opens. */
export const requireOperator = createMiddleware<AppEnv>(async (c, next) => {
  const { config, tokens } = c.var.app;
  const said = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
  // Hashes, for they are equally long.
  const [asked, own] = await Promise.all([said, config.OPERATOR_TOKEN].map((token) => tokens.fingerprint(token)));
  const bytes = new TextEncoder();
  if (!crypto.subtle.timingSafeEqual(bytes.encode(asked), bytes.encode(own)))
    throw new DriveError("token_invalid", "This address needs the operator's token.");
  await next();
});
