import type { FileRow, PermissionRow } from "../files/model.ts";
import { toTime } from "../protocol/common.ts";
import { DriveError } from "../protocol/errors.ts";
import { newId } from "../protocol/ids.ts";
import { atLeast, type Granted, heldUntil, type Principal } from "./rights.ts";

type Kind = Pick<PermissionRow, "kind" | "permission"> &
  Partial<Pick<PermissionRow, "user_id" | "email" | "name" | "token" | "password_hash" | "max_downloads">>;

/** A new grant or link. @param expires_at from {@link expiryFor} */
export function newPermission(
  file: FileRow,
  created_by: string,
  kind: Kind,
  expires_at: number | null,
  now: number,
): PermissionRow {
  return {
    tenant_id: file.tenant_id,
    file_id: file.file_id,
    permission_id: newId(file.tenant_id, now),
    drive_id: file.drive_id,
    user_id: null,
    email: null,
    name: null,
    token: null,
    password_hash: null,
    max_downloads: null,
    created_by,
    created_at: now,
    expires_at,
    revoked_at: null,
    ...kind,
  };
}

type Word = PermissionRow["permission"];

/** Nobody gives more than they hold. docs/spec/access.md, A8. */
function requireHeld(granted: Granted, wanted: Word): void {
  if (!atLeast(granted.permission, wanted))
    throw new DriveError("forbidden", `You cannot give the permission “${wanted}”; you have “${granted.permission}”.`);
}

/** Nor for longer. */
function requireHeldUntil(until: number, expires_at: number | null): void {
  if ((expires_at ?? Infinity) > until)
    throw new DriveError("forbidden", `You have this permission until ${toTime(until)}, and can give it until then.`);
}

/**
 * The end of what a principal gives: as they say, and without a word the end of their own. Null for never.
 * @param expires_in seconds. Throws `forbidden` for more than they hold, or for longer.
 */
export function expiryFor(
  granted: Granted,
  principal: Principal,
  wanted: Word,
  expires_in: number | undefined,
  now: number,
): number | null {
  requireHeld(granted, wanted);
  const until = heldUntil(principal, granted, wanted) ?? now;
  if (expires_in === undefined) return until === Infinity ? null : until;
  const expires_at = now + expires_in * 1000;
  requireHeldUntil(until, expires_at);
  return expires_at;
}

/**
 * Throws `forbidden` when a change gives more than the principal holds, or for longer, or prolongs their own grant.
 * What only takes away is free: editors may.
 */
export function requireMayChange(
  granted: Granted,
  principal: Principal,
  before: PermissionRow,
  next: Pick<PermissionRow, "permission" | "expires_at">,
): void {
  const isRaised = !atLeast(before.permission, next.permission);
  const isProlonged = (next.expires_at ?? Infinity) > (before.expires_at ?? Infinity);
  if (!isRaised && !isProlonged) return;
  requireHeld(granted, next.permission);
  if (principal.kind === "user" && before.user_id === principal.user_id)
    throw new DriveError("forbidden", "Nobody can prolong what was given to themselves.");
  requireHeldUntil(heldUntil(principal, granted, next.permission) ?? 0, next.expires_at);
}
