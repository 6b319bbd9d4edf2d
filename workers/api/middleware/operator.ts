import { createMiddleware } from "hono/factory";
import { DriveError } from "../../../core/protocol/errors.ts";
import type { AppEnv } from "../types.ts";

/** For what only the operator's token opens. */
export const requireOperator = createMiddleware<AppEnv>(async (c, next) => {
  const { config, tokens } = c.var.app;
  const said = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
  // Hashes are compared, so that the time taken tells nothing of the token.
  if ((await tokens.fingerprint(said)) !== (await tokens.fingerprint(config.OPERATOR_TOKEN)))
    throw new DriveError("token_invalid", "This address needs the operator's token.");
  await next();
});
