import { createRoute } from "@hono/zod-openapi";
import { deleteCookie } from "hono/cookie";
import { withdrawKeys } from "../../../core/erasure/erase.ts";
import { endAccountSchema } from "../../../core/protocol/auth.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { endAccount, isSpareAdmin } from "../../../platform/d1/directory/erasure.ts";
import { D1ErasureStore } from "../../../platform/d1/shard/erasure-store.ts";
import { openTokens } from "../../../platform/d1/shard/links-store.ts";
import { R2Tombstones } from "../../../platform/r2/tombstones.ts";
import { body, noContent, problems, signedIn } from "../http.ts";
import { ACCESS_COOKIE } from "../middleware/authenticate.ts";
import { throttle } from "../middleware/limits.ts";
import type { AppContext } from "../context.ts";
import type { App } from "../types.ts";

/** docs/spec/identity.md, I13 and I14. The answer waits for all that makes the bytes unreadable. */
async function end(app: AppContext, user_id: string, password: string): Promise<void> {
  const account = await app.accounts.byId(user_id);
  if (account === null) throw new DriveError("token_revoked", "This account is gone.");
  if (!(await app.identity.passwords.verify(password, account.password_hash)))
    throw new DriveError("wrong_password", "That is not the password of this account.");
  if (account.role === "admin" && !(await isSpareAdmin(app.env.DIRECTORY, user_id)))
    throw new DriveError("forbidden", "You are the only admin here: others would be left without one.");
  const { tenant_id } = account;
  // Before the directory forgets where they lie.
  const { place } = await app.tenantOfId(user_id);
  const tokens = await openTokens(place.db, tenant_id);
  const sessions = await endAccount(app.env.DIRECTORY, account, Date.now());
  for (const session of sessions ?? []) app.revoked.add(session);
  await withdrawKeys({
    store: new D1ErasureStore(place.db, tenant_id),
    bury: () => new R2Tombstones(app.env.BLOBS).add(tenant_id),
    forgetKeys: () => app.keys.copies.forget(tenant_id),
  });
  const closing = [app.hub(user_id).signOut(sessions ?? []), app.env.PUBLIC_LINKS.purge(tokens)];
  for (const result of await Promise.allSettled(closing))
    if (result.status === "rejected")
      console.error({ message: "the end of an account was not told", error: String(result.reason) });
}

export function accountRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "delete",
      path: "/me",
      tags: ["me"],
      security: signedIn,
      description:
        "Deletes the account with all its files, for good. From the answer on nothing of it can be read; what is left of it is removed within hours, and from backups with their age. Needs the password again.",
      request: body(endAccountSchema),
      responses: { ...noContent, ...problems },
    }),
    async (c) => {
      const { user_id } = c.var.claims;
      await throttle(c, user_id);
      await end(c.var.app, user_id, c.req.valid("json").password);
      deleteCookie(c, ACCESS_COOKIE, { path: "/api/v1" });
      return c.body(null, 204);
    },
  );
}
