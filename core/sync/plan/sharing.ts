import { DriveError } from "../../protocol/errors.ts";
import type { PermissionRow } from "../../files/model.ts";
import type { Actor, Command } from "../commands.ts";
import type { Draft } from "../draft.ts";

type Of<Op extends Command["op"]> = Extract<Command, { op: Op }>;

const isSamePerson = (a: PermissionRow, b: PermissionRow): boolean =>
  a.file_id === b.file_id &&
  a.kind === b.kind &&
  (b.kind === "user" ? a.user_id === b.user_id : b.kind === "pending" && a.email === b.email);

/** One grant a person and file: else revoking the one that is seen would leave another. */
export function grant(draft: Draft, command: Of<"grant">, actor: Actor, op_id: string): PermissionRow {
  const { permission } = command;
  draft.living(permission.file_id);
  const earlier = draft.snapshot.permissions.find((p) => p.revoked_at === null && isSamePerson(p, permission));
  if (earlier === undefined) {
    draft.snapshot.permissions.push(permission);
    draft.writes.permissions.push(permission);
    draft.record("shared", actor, op_id, permission);
    return permission;
  }
  const next = { ...earlier, permission: permission.permission, expires_at: permission.expires_at };
  change(draft, earlier, next);
  draft.record("shared", actor, op_id, next);
  return next;
}

/** Once attached it is that user's: a second try, and a grant that was withdrawn meanwhile, change nothing. */
export function attachGrant(draft: Draft, command: Of<"attach_grant">, actor: Actor, op_id: string): PermissionRow {
  const before = find(draft, command.file_id, command.permission_id);
  if (before.kind !== "pending") return before;
  const next: PermissionRow = { ...before, kind: "user", user_id: command.user_id, name: command.name };
  const own = draft.snapshot.permissions.find((p) => p.revoked_at === null && isSamePerson(p, next));
  if (own !== undefined) {
    revoke(draft, { op: "revoke", file_id: before.file_id, permission_id: before.permission_id }, actor, op_id);
    return own;
  }
  change(draft, before, next);
  draft.record("shared", actor, op_id, next);
  return next;
}

function find(draft: Draft, file_id: string, permission_id: string): PermissionRow {
  const { permissions } = draft.snapshot;
  const found = permissions.find((p) => p.file_id === file_id && p.permission_id === permission_id);
  if (found === undefined || found.revoked_at !== null)
    throw new DriveError("not_found", "There is no such permission.");
  return found;
}

/** Keeps the row current for later commands of the same group. */
function change(draft: Draft, before: PermissionRow, next: PermissionRow): void {
  draft.snapshot.permissions[draft.snapshot.permissions.indexOf(before)] = next;
  draft.writes.permissions.push(next);
}

export function updateGrant(draft: Draft, command: Of<"update_grant">, actor: Actor, op_id: string): PermissionRow {
  const before = find(draft, command.file_id, command.permission_id);
  const next: PermissionRow = {
    ...before,
    permission: command.permission ?? before.permission,
    expires_at: command.expires_at === undefined ? before.expires_at : command.expires_at,
  };
  change(draft, before, next);
  draft.record("shared", actor, op_id, next);
  return next;
}

export function revoke(draft: Draft, command: Of<"revoke">, actor: Actor, op_id: string): PermissionRow {
  const before = find(draft, command.file_id, command.permission_id);
  const next = { ...before, revoked_at: draft.now };
  change(draft, before, next);
  draft.record("unshared", actor, op_id, next);
  return next;
}
