/** Repeats of a request: found by their `op_id`, told from another request under the same key. docs/spec/sync.md, H5. */
import { nameKey } from "../files/names.ts";
import type { FileRow, JournalRow } from "../files/model.ts";
import { DriveError } from "../protocol/errors.ts";
import type { JournalOp } from "../protocol/sync.ts";
import type { UploadTarget } from "../uploads/model.ts";
import type { Command, Outcome, Submission } from "./commands.ts";
import type { Snapshot } from "./ports.ts";

export type Done = Snapshot["done"][number];

/** A command as far as it tells a repeat from another request. */
type Commit = Extract<Command, { content: unknown }>;
type Asked = Exclude<Command, Commit> | { op: Commit["op"]; target: UploadTarget; content: AskedBytes };

/** As far as they are known: null and nothing tell nothing. */
interface AskedBytes {
  size: number | null;
  content_hash?: string | null;
}

interface Trace {
  ops: readonly JournalOp[];
  /** The file it was about; unknown for what makes one. */
  file_id?: string;
  made?: {
    /** Null when it may have been made elsewhere. */
    parent_id: string | null;
    is_folder: boolean;
    /** Null when the hub may have chosen another. */ name: string | null;
  };
}

/** A sync client's change may have been settled otherwise: docs/spec/sync.md, CF2 to CF12. */
const SETTLED: readonly JournalOp[] = ["created", "modified", "merged"];

function traceOfTarget(target: UploadTarget): Trace {
  if (target.kind === "version") return { ops: target.base ? SETTLED : ["modified"], file_id: target.file_id };
  const { parent_id, name, on_name_conflict, base } = target;
  if (base !== undefined) return { ops: SETTLED, made: { parent_id: null, is_folder: false, name: null } };
  const made = { parent_id, is_folder: false, name: on_name_conflict === "rename" ? null : name };
  return { ops: on_name_conflict === "new_version" ? ["created", "modified"] : ["created"], made };
}

/** What a command leaves in the journal. */
function traceOf(command: Asked): Trace {
  switch (command.op) {
    case "reserve_upload":
    case "release_upload":
    case "close_upload":
    // Done again it finds nothing to do.
    case "verify_content":
      return { ops: [] };
    case "commit_upload":
    case "commit_content":
    case "create_from":
    case "create_known":
      return traceOfTarget(command.target);
    case "create_folder": {
      if (command.base !== undefined)
        return { ops: ["created", "merged"], made: { parent_id: null, is_folder: true, name: null } };
      const name = command.on_name_conflict === "rename" ? null : command.name;
      return { ops: ["created"], made: { parent_id: command.parent_id, is_folder: true, name } };
    }
    case "copy_tree":
      return { ops: ["created"], made: { parent_id: command.parent_id, is_folder: true, name: null } };
    case "update":
      return { ops: ["updated", "merged"], file_id: command.file_id };
    case "announce_unarchived":
      return { ops: ["unarchived"], file_id: command.file_id };
    case "trash":
      return { ops: ["trashed", "merged", "kept"], file_id: command.file_id };
    case "untrash":
      return { ops: ["untrashed", "merged"], file_id: command.file_id };
    case "purge":
      return { ops: ["purged"], file_id: command.file_id };
    case "restore_version":
      return { ops: ["modified"], file_id: command.file_id };
    case "purge_version":
    case "purge_versions":
      return { ops: ["version_purged"], file_id: command.file_id };
    case "grant":
      return { ops: ["shared"], file_id: command.permission.file_id };
    case "attach_grant":
      return { ops: ["shared", "unshared"], file_id: command.file_id };
    case "update_grant":
      return { ops: ["shared"], file_id: command.file_id };
    case "revoke":
      return { ops: ["unshared"], file_id: command.file_id };
  }
}

/** Whether a file is what was asked for; one that has changed since does not tell its first name and place any more. */
function isMade(file: FileRow, { parent_id, is_folder, name }: NonNullable<Trace["made"]>, at: number): boolean {
  if (file.is_folder !== is_folder) return false;
  if (file.updated_at !== at) return true;
  return (parent_id === null || file.parent_id === parent_id) && (name === null || file.name_key === nameKey(name));
}

/** Told as long as the version that was made is the file's newest. */
function hasBytes({ entry, file }: Made, { size, content_hash = null }: AskedBytes): boolean {
  if (file === null || file.version_id !== entry.version_id) return true;
  const isHash = content_hash === null || file.content_hash === null || content_hash === file.content_hash;
  return isHash && (size === null || size === file.size);
}

export const keyReused = (): DriveError =>
  new DriveError("idempotency_key_reused", "This idempotency key was used for another request.");

interface Made {
  entry: Pick<JournalRow, "op" | "at" | "file_id" | "version_id" | "conflict_of">;
  file: FileRow | null;
}

/** Throws `idempotency_key_reused` when what was done under this key is not what is asked for now. */
export function requireSameRequest(done: Made, asked: Asked): void {
  const { entry, file } = done;
  const { ops, file_id, made } = traceOf(asked);
  const isSame =
    ops.includes(entry.op) &&
    (file_id === undefined || file_id === (entry.conflict_of ?? entry.file_id)) &&
    (made === undefined || file === null || isMade(file, made, entry.at)) &&
    (!("content" in asked) || hasBytes(done, asked.content));
  if (!isSame) throw keyReused();
}

/** The operation under which the copy of what was overwritten came (CF12). */
export const loserOf = (op_id: string): string => `${op_id}/copy`;

export type Settled = Pick<Outcome, "status" | "file" | "copy" | "made" | "version_id">;

/** How a change was settled, from its entry in the journal; `loser` is that of `loserOf`. */
export function settledBy(
  { entry, file, original }: Pick<Done, "file" | "original"> & Pick<Made, "entry">,
  loser: Pick<Done, "file"> | undefined,
): Settled {
  const { version_id } = entry;
  if (entry.conflict_of !== null) return { status: "conflict", file: original, copy: file, made: "copy", version_id };
  const status = entry.op === "kept" || loser !== undefined ? "conflict" : "applied";
  return { status, file, copy: loser?.file ?? null, made: "file", version_id };
}

/** What an earlier try of the same `op_id` left. */
export function replay(done: Done, { command }: Submission, loser: Done | undefined): Outcome {
  requireSameRequest(done, command);
  if (done.file === null && done.permission === null && done.entry.op !== "purged")
    throw new DriveError("not_found", "What this request made was deleted for good since.");
  return { ...settledBy(done, loser), permission: done.permission, upload: null, replayed: true };
}
