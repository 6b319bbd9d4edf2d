/** One command over a draft: what it needs to know, and what it does. Pure. */
import { nameKey, numberedPrefix } from "../../files/names.ts";
import type { Vector } from "../../files/model.ts";
import type { UploadTarget } from "../../uploads/model.ts";
import { type Command, madeBy, type Outcome, type Submission } from "../commands.ts";
import type { Draft } from "../draft.ts";
import type { Needs } from "../ports.ts";
import { loserOf } from "../replay.ts";
import * as contents from "./contents.ts";
import * as files from "./files.ts";
import { placeOf } from "./files.ts";
import * as settle from "./settle.ts";
import * as sharing from "./sharing.ts";

export const noNeeds = (): Needs => ({
  file_ids: new Set(),
  tree_ids: new Set(),
  sum_ids: new Set(),
  names: [],
  numbered: [],
  paths: [],
  since: null,
  height_ids: new Set(),
  upload_ids: new Set(),
  pack_ids: new Set(),
  content_ids: new Set(),
  pending_ids: new Set(),
  versions: [],
  histories: [],
  permissions: [],
  grants: new Set(),
  op_ids: new Set(),
});

function needName(needs: Needs, parent_id: string, name: string, mayRename: boolean): void {
  needs.file_ids.add(parent_id);
  needs.names.push({ parent_id, name_key: nameKey(name) });
  if (mayRename) needs.numbered.push({ parent_id, prefix: numberedPrefix(name) });
}

type Update = Extract<Command, { op: "update" }>;

/** The place that an update gives a file which is at `now`. The root has none. */
function needPlace(needs: Needs, command: Update, now: { parent_id: string | null; name: string }): void {
  const parent_id = command.parent_id ?? now.parent_id;
  if (parent_id === null || (command.name === undefined && command.parent_id === undefined)) return;
  needName(needs, parent_id, command.name ?? now.name, false);
}

function needTarget(needs: Needs, target: UploadTarget): void {
  if (target.kind === "version") needs.file_ids.add(target.file_id);
  else needName(needs, target.parent_id, target.name, target.on_name_conflict === "rename");
}

/** Adds what a command needs, as far as the command itself tells. */
export function addNeeds(needs: Needs, { command, op_id }: Submission): void {
  needs.op_ids.add(op_id);
  if ("target" in command && command.target.base !== undefined) needs.op_ids.add(loserOf(op_id));
  switch (command.op) {
    case "reserve_upload":
      needs.upload_ids.add(command.upload.upload_id);
      return needTarget(needs, command.upload.target);
    case "release_upload":
    case "close_upload":
      needs.upload_ids.add(command.upload_id);
      return;
    case "commit_upload":
    case "commit_content":
      needs.upload_ids.add(command.upload_id);
      for (const pack_id of command.content.borrowed) needs.pack_ids.add(pack_id);
      return needTarget(needs, command.target);
    case "create_from":
      needs.file_ids.add(command.source_file_id);
      return needTarget(needs, command.target);
    case "create_known":
      needs.content_ids.add(command.content.content_id);
      return needTarget(needs, command.target);
    case "verify_content":
      needs.pending_ids.add(command.content_id);
      return;
    case "copy_tree":
      needs.file_ids.add(command.file_id);
      needs.tree_ids.add(command.file_id);
      return needName(needs, command.parent_id, command.name, true);
    case "create_folder":
      if (command.file_id !== undefined) needs.file_ids.add(command.file_id);
      return needName(needs, command.parent_id, command.name, command.on_name_conflict === "rename");
    case "grant":
      needs.file_ids.add(command.permission.file_id);
      if (command.permission.kind !== "link") needs.grants.add(command.permission.file_id);
      return;
    case "attach_grant":
      needs.grants.add(command.file_id);
      needs.file_ids.add(command.file_id);
      needs.permissions.push(command);
      return;
    case "update_grant":
    case "revoke":
      needs.file_ids.add(command.file_id);
      needs.permissions.push(command);
      return;
    case "restore_version":
    case "purge_version":
      needs.file_ids.add(command.file_id);
      needs.versions.push(command);
      return;
    case "purge_versions":
      needs.file_ids.add(command.file_id);
      needs.histories.push(command);
      return;
    case "purge":
      needs.sum_ids.add(command.file_id);
      needs.file_ids.add(command.file_id);
      return;
    case "update":
      if (command.parent_id !== undefined) {
        needs.file_ids.add(command.parent_id);
        needs.height_ids.add(command.file_id);
      }
      needs.file_ids.add(command.file_id);
      if (command.seen !== undefined) needPlace(needs, command, command.seen);
      return;
    case "announce_unarchived":
    case "trash":
    case "untrash":
      needs.file_ids.add(command.file_id);
  }
}

/**
 * Adds what only the stored rows tell: the name that a moved file brings along, the folder of a renamed one, the place
 * of a trashed one. True when there is something to read.
 */
export function addLaterNeeds(needs: Needs, { command }: Submission, draft: Draft): boolean {
  if (command.op === "update" && (command.name !== undefined || command.parent_id !== undefined)) {
    const file = draft.find(command.file_id);
    if (file === null || file.parent_id === null) return false;
    const { seen } = command;
    if (seen !== undefined && seen.parent_id === file.parent_id && seen.name === file.name) return false;
    needPlace(needs, command, file);
    return true;
  }
  if (command.op === "untrash") {
    const file = draft.find(command.file_id);
    if (file === null) return false;
    needName(needs, placeOf(draft, file), file.name, true);
    needs.file_ids.add(draft.drive.drive_id);
    return true;
  }
  return false;
}

type Made = Partial<Pick<Outcome, "status" | "file" | "copy" | "made" | "permission" | "upload">>;

/** A command of a sync client, which has the vector that it was made on. */
const isBased = <C extends Command & { base?: Vector | undefined }>(command: C): command is C & { base: Vector } =>
  command.base !== undefined;

function run(draft: Draft, command: Command, submission: Submission): Made {
  const { actor, op_id } = submission;
  switch (command.op) {
    case "reserve_upload":
      return { upload: contents.reserveUpload(draft, command) };
    case "release_upload":
      return { upload: contents.releaseUpload(draft, command) };
    case "commit_upload":
      return contents.commitUpload(draft, command, actor, op_id);
    case "commit_content":
      return contents.commitContent(draft, command, actor, op_id);
    case "close_upload":
      return { upload: contents.closeUpload(draft, command) };
    case "create_from":
      return contents.createFrom(draft, command, actor, op_id);
    case "create_known":
      return contents.createKnown(draft, command, actor, op_id);
    case "verify_content":
      contents.verifyContent(draft, command, actor, op_id);
      return {};
    case "announce_unarchived":
      return { file: contents.announceUnarchived(draft, command, actor, op_id) };
    case "restore_version":
      return { file: contents.restoreVersion(draft, command, actor, op_id) };
    case "purge_version":
      return { file: contents.purgeVersion(draft, command, actor, op_id) };
    case "purge_versions":
      return { file: contents.purgeVersions(draft, command, actor, op_id) };
    case "copy_tree":
      return { file: files.copyTree(draft, command, actor, op_id) };
    case "create_folder":
      if (isBased(command)) return settle.settleFolder(draft, command, actor, op_id);
      return { file: files.createFolder(draft, command, actor, op_id) };
    case "update":
      if (isBased(command)) return settle.settleUpdate(draft, command, actor, op_id);
      return { file: files.update(draft, command, actor, op_id) };
    case "trash":
      if (isBased(command)) return settle.settleTrash(draft, command, actor, op_id);
      return { file: files.trash(draft, command, actor, op_id) };
    case "untrash":
      if (isBased(command)) return settle.settleUntrash(draft, command, actor, op_id);
      return { file: files.untrash(draft, command, actor, op_id) };
    case "purge":
      return { file: files.purge(draft, command, actor, op_id) };
    case "grant":
      return { permission: sharing.grant(draft, command, actor, op_id) };
    case "attach_grant":
      return { permission: sharing.attachGrant(draft, command, actor, op_id) };
    case "update_grant":
      return { permission: sharing.updateGrant(draft, command, actor, op_id) };
    case "revoke":
      return { permission: sharing.revoke(draft, command, actor, op_id) };
  }
}

const NOTHING = {
  status: "applied",
  file: null,
  copy: null,
  made: "file",
  permission: null,
  upload: null,
} as const;

/** Plans one command. Throws a `DriveError` and leaves the draft as it was when the command cannot be done. */
export function plan(draft: Draft, submission: Submission): Outcome {
  const made = { ...NOTHING, ...run(draft, submission.command, submission) };
  return { ...made, version_id: madeBy(made)?.version_id ?? null, replayed: false };
}
