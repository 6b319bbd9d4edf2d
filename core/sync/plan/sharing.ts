import { DriveError } from "../../protocol/errors.ts";
import type { PermissionRow } from "../../files/model.ts";
import type { Actor, Command } from "../commands.ts";
import type { Draft } from "../draft.ts";

type Of<Op extends Command["op"]> = Extract<Command, { op: Op }>;

export function grant(draft: Draft, command: Of<"grant">, actor: Actor, op_id: string): PermissionRow {
  const { permission } = command;
  draft.living(permission.file_id);
  draft.writes.permissions.push(permission);
  draft.record("shared", actor, op_id, permission);
  return permission;
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
