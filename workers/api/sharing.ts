/** Giving, changing and taking away. Rules: docs/spec/access.md, A7 to A14. */
import type { z } from "zod";
import type { Account } from "../../core/identity/model.ts";
import type { PermissionRow } from "../../core/files/model.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import { newShareToken } from "../../core/protocol/ids.ts";
import type { shareSchema } from "../../core/protocol/sharing.ts";
import { expiryFor, newPermission, requireMayChange } from "../../core/sharing/grants.ts";
import type { Granted, Principal } from "../../core/sharing/rights.ts";
import type { Submission } from "../../core/sync/commands.ts";
import { scryptPasswords } from "../../platform/crypto/passwords.ts";
import { PendingShares } from "../../platform/d1/directory/pending-shares.ts";
import { PermissionsStore } from "../../platform/d1/shard/permissions-store.ts";
import type { AppContext } from "./context.ts";

type ShareInput = z.infer<typeof shareSchema>;
export type Caller = Pick<Submission, "actor" | "op_id">;
type Person = Extract<Principal, { kind: "user" }>;

const personOf = ({ actor }: Caller): Person => ({ kind: "user", user_id: actor.user_id });

/** The words of the seed's journey. */
const SEED_WORDS = { read: "view", write: "edit" } as const;

const noPermission = (): DriveError => new DriveError("not_found", "There is no such permission.");

/** The row that a share is to make; for people it names the account, or waits for one. */
async function permissionFor(
  app: AppContext,
  granted: Granted,
  caller: Caller,
  input: ShareInput,
): Promise<PermissionRow> {
  const { file } = granted;
  const now = Date.now();
  const permission = "permissions" in input ? SEED_WORDS[input.permissions] : input.permission;
  const expires_at = expiryFor(granted, personOf(caller), permission, input.expires_in, now);
  const make = (kind: Parameters<typeof newPermission>[2]): PermissionRow =>
    newPermission(file, caller.actor.user_id, kind, expires_at, now);

  if ("permissions" in input || "link" in input) {
    const password = "link" in input ? input.password : undefined;
    return make({
      kind: "link",
      permission,
      token: newShareToken(file.tenant_id),
      password_hash: password === undefined ? null : await scryptPasswords.hash(password),
      max_downloads: ("link" in input ? input.max_downloads : undefined) ?? null,
    });
  }
  if ("team_id" in input) throw new DriveError("invalid_request", "Sharing with a team is not possible yet.");
  const account = "email" in input ? await app.accounts.byEmail(input.email) : await app.accounts.byId(input.user_id);
  if (account === null) {
    if ("email" in input) return make({ kind: "pending", permission, email: input.email });
    throw new DriveError("not_found", "There is no such person.");
  }
  const { user_id, email, name } = account;
  if (user_id === file.drive_id) throw new DriveError("invalid_request", "The owner has this already.");
  if (user_id === caller.actor.user_id) throw new DriveError("invalid_request", "You have this already.");
  return make({ kind: "user", permission, user_id, email, name });
}

export async function share(
  app: AppContext,
  caller: Caller,
  file_id: string,
  input: ShareInput,
): Promise<PermissionRow> {
  const granted = await app.require(personOf(caller), file_id, "edit");
  const permission = await permissionFor(app, granted, caller, input);
  const pending = new PendingShares(app.env.DIRECTORY);
  if (permission.kind === "pending") await pending.add(permission.email as string, permission, permission.created_at);
  const { drive_id } = granted.file;
  const made = (await app.submit(drive_id, { command: { op: "grant", permission }, ...caller })).permission;
  if (made === null) throw new DriveError("idempotency_key_reused", "This key was used for another request.");
  if (made.kind !== "pending") return made;
  // The address may have got its account while the grant was made.
  const account = await app.accounts.byEmail(made.email as string);
  return account === null ? made : attach(app, account, made);
}

/** Attaches one waiting grant to an account. */
async function attach(
  app: AppContext,
  { user_id, name }: Pick<Account, "user_id" | "name">,
  { file_id, permission_id, drive_id }: Pick<PermissionRow, "file_id" | "permission_id" | "drive_id">,
): Promise<PermissionRow> {
  const command = { op: "attach_grant", file_id, permission_id, user_id, name } as const;
  const actor = { user_id, device_id: null };
  const { permission } = await app.submit(drive_id, { command, actor, op_id: `attach:${permission_id}` });
  return permission as PermissionRow;
}

/**
 * Gives a new account what waits for its address. To be called when an address is registered; where addresses are
 * verified by mail, when it is verified. A repeat changes nothing; what fails waits for the next call.
 */
export async function attachPendingShares(
  app: AppContext,
  account: Pick<Account, "user_id" | "email" | "name">,
): Promise<void> {
  const pending = new PendingShares(app.env.DIRECTORY);
  for (const pointer of await pending.of(account.email)) {
    const place = await app.shards.find(pointer.tenant_id);
    const row =
      place === null
        ? null
        : await new PermissionsStore(place.db, pointer.tenant_id).find(pointer.file_id, pointer.permission_id);
    try {
      if (row !== null) await attach(app, account, row);
      await pending.remove(account.email, pointer);
    } catch (error) {
      // Revoked, or its file purged, between the read and the hub: nothing waits any more.
      if (error instanceof DriveError && error.code === "not_found") await pending.remove(account.email, pointer);
      else console.error({ message: "a waiting share was not attached", permission_id: pointer.permission_id });
    }
  }
}

/** A grant as its editors see it; the person it is for may see and drop it too. */
async function manage(
  app: AppContext,
  caller: Caller,
  file_id: string,
  permission_id: string,
  isDrop: boolean,
): Promise<{ granted: Granted; row: PermissionRow }> {
  const person = personOf(caller);
  const { place } = await app.tenantOfId(file_id);
  const row = await new PermissionsStore(place.db, place.tenant_id).find(file_id, permission_id);
  const isOwn = isDrop && row?.user_id === person.user_id;
  const granted = await app.require(person, file_id, isOwn ? "view" : "edit", { allowTrashed: isDrop });
  if (row === null) throw noPermission();
  return { granted, row };
}

/** What is kept of a changed link goes at once here; where the purge is lost, within L4's bound. */
async function purge(app: AppContext, { token }: PermissionRow): Promise<void> {
  if (token === null) return;
  try {
    await app.env.PUBLIC_LINKS.purge([token]);
  } catch (error) {
    console.error({ message: "a link was not purged", error: String(error) });
  }
}

export async function updateShare(
  app: AppContext,
  caller: Caller,
  file_id: string,
  permission_id: string,
  input: { permission?: "view" | "comment" | "edit" | undefined; expires_in?: number | null | undefined },
): Promise<PermissionRow> {
  const { granted, row } = await manage(app, caller, file_id, permission_id, false);
  const { expires_in } = input;
  const expires_at = typeof expires_in === "number" ? Date.now() + expires_in * 1000 : expires_in;
  const next = {
    permission: input.permission ?? row.permission,
    expires_at: expires_at === undefined ? row.expires_at : expires_at,
  };
  requireMayChange(granted, personOf(caller), row, next);
  const command = { op: "update_grant", file_id, permission_id, permission: input.permission, expires_at } as const;
  const { permission } = await app.submit(row.drive_id, { command, ...caller });
  await purge(app, row);
  return permission as PermissionRow;
}

export async function unshare(app: AppContext, caller: Caller, file_id: string, permission_id: string): Promise<void> {
  const { row } = await manage(app, caller, file_id, permission_id, true);
  await app.submit(row.drive_id, { command: { op: "revoke", file_id, permission_id }, ...caller });
  await purge(app, row);
}
