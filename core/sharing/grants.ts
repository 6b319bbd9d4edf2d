import type { FileRow, PermissionRow } from "../files/model.ts";
import { DriveError } from "../protocol/errors.ts";
import { newId } from "../protocol/ids.ts";
import { expiryOf } from "./links.ts";
import { atLeast, type Granted } from "./rights.ts";

type Kind = Pick<PermissionRow, "kind" | "permission"> &
  Partial<Pick<PermissionRow, "user_id" | "email" | "name" | "token" | "password_hash" | "max_downloads">>;

/** A new grant or link. @param expires_in seconds; never without it */
export function newPermission(
  file: FileRow,
  created_by: string,
  kind: Kind,
  expires_in: number | undefined,
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
    expires_at: expiryOf(expires_in, now),
    revoked_at: null,
    ...kind,
  };
}

/** Nobody gives more than they hold. docs/spec/access.md, A8. */
export function requireHeld(granted: Granted, wanted: PermissionRow["permission"]): void {
  if (!atLeast(granted.permission, wanted))
    throw new DriveError("forbidden", `You cannot give the permission “${wanted}”; you have “${granted.permission}”.`);
}
