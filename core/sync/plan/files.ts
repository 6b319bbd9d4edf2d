import { DriveError } from "../../protocol/errors.ts";
import { freeName, nameKey, nameTaken, parseName } from "../../files/names.ts";
import type { FileRow, NewVersion } from "../../files/model.ts";
import type { Actor, Command } from "../commands.ts";
import { stamp } from "../conflicts.ts";
import { noSpace } from "../../quota/space.ts";
import { type Draft, MAX_DEPTH } from "../draft.ts";
import { COPY_MAX } from "../ports.ts";

type Of<Op extends Command["op"]> = Extract<Command, { op: Op }>;

/**
 * When a file changes: later than the time before, also within one moment and by a clock that is behind. By it a repeat
 * tells a file that has changed since from what was made (H5).
 */
export const changedAt = (draft: Draft, file: FileRow): number => Math.max(draft.now, file.updated_at + 1);

/** The name under which something can lie in a folder, or `name_taken` with the holder's `file_id`. */
export function placeName(draft: Draft, parent: FileRow, raw: string, mode: "fail" | "rename", self?: string): string {
  const name = parseName(raw);
  const key = nameKey(name);
  const holder = draft.holder(parent.file_id, key);
  if (!draft.isTaken(parent.file_id, key) || (holder !== null && holder.file_id === self)) return name;
  if (mode === "rename") return freeName(name, (k) => draft.isTaken(parent.file_id, k));
  throw nameTaken(name, holder);
}

/** A folder as it begins. */
export function newFolder(draft: Draft, file_id: string, parent_id: string, name: string, actor: Actor): FileRow {
  const { vector, dot } = stamp({}, actor);
  return {
    tenant_id: draft.drive.tenant_id,
    file_id,
    drive_id: draft.drive.drive_id,
    parent_id,
    name,
    name_key: nameKey(name),
    is_folder: true,
    size: 0,
    mime_type: null,
    content_id: null,
    content_hash: null,
    integrity: "ok" as const,
    version_id: null,
    version_number: 0,
    version_count: 0,
    vector,
    content_dot: "",
    place_dot: dot,
    conflict_of: null,
    conflict_policy: null,
    metadata: {},
    created_by: actor.user_id,
    created_at: draft.now,
    updated_at: draft.now,
    modified_at: null,
    trashed_at: null,
  };
}

/** The id that a new folder gets. One that is known stands for an operation that was forgotten; the folder was not. */
export function folderIdOf(draft: Draft, { file_id = draft.newId() }: Of<"create_folder">): string {
  if (draft.isKnown(file_id))
    throw new DriveError("idempotency_key_reused", "This idempotency key was used for another request.");
  return file_id;
}

export function createFolder(draft: Draft, command: Of<"create_folder">, actor: Actor, op_id: string): FileRow {
  const file_id = folderIdOf(draft, command);
  const parent = draft.folder(command.parent_id);
  const name = placeName(draft, parent, command.name, command.on_name_conflict);
  const folder = newFolder(draft, file_id, parent.file_id, name, actor);
  draft.put(folder);
  draft.record("created", actor, op_id, folder);
  return folder;
}

/** Rename, move, and the user's own metadata. Moving a folder changes one row. */
export function update(draft: Draft, command: Of<"update">, actor: Actor, op_id: string): FileRow {
  const file = draft.living(command.file_id);
  if (command.if_version_id !== undefined && command.if_version_id !== file.version_id)
    throw new DriveError("precondition_failed", "The file has changed since.", { version_id: file.version_id });
  if (file.parent_id === null && (command.name !== undefined || command.parent_id !== undefined))
    throw new DriveError("root_is_fixed", "The root folder can neither be renamed nor moved.");
  const { vector, dot } = stamp(file.vector, actor);
  const next: FileRow = { ...file, updated_at: changedAt(draft, file), vector };
  if (command.metadata !== undefined) next.metadata = command.metadata;
  if (command.conflict_policy !== undefined) {
    if (!file.is_folder) throw new DriveError("not_a_folder", `“${file.name}” is not a folder.`);
    next.conflict_policy = command.conflict_policy;
  }
  if (command.name !== undefined || command.parent_id !== undefined) {
    const parent = draft.folder(command.parent_id ?? (file.parent_id as string));
    if (draft.chain(parent).some((f) => f.file_id === file.file_id))
      throw new DriveError("cannot_move_into_itself", `“${file.name}” cannot be moved into itself.`);
    const levels = draft.chain(parent).length + 1 + (draft.snapshot.heights.get(file.file_id) ?? 0);
    if (levels > MAX_DEPTH) throw new DriveError("too_deep", `Folders can be nested ${MAX_DEPTH} deep at most.`);
    next.parent_id = parent.file_id;
    next.name = placeName(draft, parent, command.name ?? file.name, "fail", file.file_id);
    next.name_key = nameKey(next.name);
    next.place_dot = dot;
  }
  draft.put(next);
  draft.record("updated", actor, op_id, next);
  return next;
}

export function trash(draft: Draft, command: Of<"trash">, actor: Actor, op_id: string): FileRow {
  const file = draft.living(command.file_id);
  if (file.parent_id === null) throw new DriveError("root_is_fixed", "The root folder cannot be deleted.");
  const { vector, dot } = stamp(file.vector, actor);
  const changed = { updated_at: changedAt(draft, file), vector, place_dot: dot };
  const next = { ...file, ...changed, trashed_at: draft.now };
  draft.put(next);
  draft.record("trashed", actor, op_id, next);
  return next;
}

/** Where a trashed file goes back to: its folder, or its nearest living ancestor. */
export function placeOf(draft: Draft, file: FileRow): string {
  const ancestors = draft.chain(file).slice(1);
  const highestTrashed = ancestors.findLastIndex((f) => f.trashed_at !== null);
  // A purged ancestor breaks the chain: then it is the root folder, whose id is the drive's.
  return ancestors[highestTrashed + 1]?.file_id ?? draft.drive.drive_id;
}

/** Back to where it was, or to the nearest living ancestor; a taken name gets a number. */
export function untrash(draft: Draft, command: Of<"untrash">, actor: Actor, op_id: string): FileRow {
  const file = draft.get(command.file_id);
  if (file.trashed_at === null) throw new DriveError("not_trashed", `“${file.name}” is not in the trash.`);
  const parent = draft.get(placeOf(draft, file));
  const key = nameKey(file.name);
  const name = draft.isTaken(parent.file_id, key)
    ? freeName(file.name, (k) => draft.isTaken(parent.file_id, k))
    : file.name;
  const { vector, dot } = stamp(file.vector, actor);
  const next: FileRow = {
    ...file,
    parent_id: parent.file_id,
    name,
    name_key: nameKey(name),
    trashed_at: null,
    updated_at: changedAt(draft, file),
    vector,
    place_dot: dot,
  };
  draft.put(next);
  draft.record("untrashed", actor, op_id, next);
  return next;
}

/** Ends a trashed file and all below it. Bytes go much later, by the sweep. */
export function purge(draft: Draft, command: Of<"purge">, actor: Actor, op_id: string): FileRow {
  const file = draft.get(command.file_id);
  if (file.trashed_at === null || file.trashed_at > (command.trashed_before ?? Infinity))
    throw new DriveError(
      "not_trashed",
      `“${file.name}” is not in the trash; only what is there can be deleted for good.`,
    );
  const sum = draft.snapshot.sums.get(file.file_id);
  draft.writes.used_delta -= sum?.bytes ?? file.size;
  draft.purge(file);
  draft.record("purged", actor, op_id, file);
  return file;
}

/** What of a loaded tree is copied: nothing that is trashed, nor what lies in it. Parents before children. */
function livingBelow(draft: Draft, root: FileRow, depth: number): FileRow[] {
  if (draft.snapshot.trees.length > COPY_MAX)
    throw new DriveError("payload_too_large", `A folder of more than ${COPY_MAX} items cannot be copied at once.`);
  const depths = new Map<string, number>([[root.file_id, depth]]);
  return draft.snapshot.trees.filter((file) => {
    const above = depths.get(file.parent_id ?? "");
    if (above === undefined || file.trashed_at !== null) return false;
    if (above >= MAX_DEPTH) throw new DriveError("too_deep", `Folders can be nested ${MAX_DEPTH} deep at most.`);
    depths.set(file.file_id, above + 1);
    return true;
  });
}

/** A copy of a folder with all that lives in it: rows only, the bytes are shared. */
export function copyTree(draft: Draft, command: Of<"copy_tree">, actor: Actor, op_id: string): FileRow {
  const source = draft.living(command.file_id);
  const parent = draft.folder(command.parent_id);
  const above = draft.chain(parent);
  if (above.some((f) => f.file_id === source.file_id))
    throw new DriveError("cannot_move_into_itself", `“${source.name}” cannot be copied into itself.`);
  const below = livingBelow(draft, source, above.length + 1);
  const bytes = below.reduce((sum, f) => sum + f.size, 0);
  requireSpace(draft, bytes);
  const name = placeName(draft, parent, command.name, "rename");

  const { vector, dot } = stamp({}, actor);
  const ids = new Map([source, ...below].map((f) => [f.file_id, draft.newId()]));
  const copy = (file: FileRow, parent_id: string): FileRow => {
    const version_number = file.is_folder ? 0 : 1;
    const made: FileRow = {
      ...file,
      file_id: ids.get(file.file_id) as string,
      parent_id,
      version_id: file.is_folder ? null : draft.newId(),
      version_number,
      version_count: version_number,
      vector,
      content_dot: file.is_folder ? "" : dot,
      place_dot: dot,
      conflict_of: null,
      created_by: actor.user_id,
      created_at: draft.now,
      updated_at: draft.now,
    };
    draft.put(made);
    if (!made.is_folder) draft.versions.push(versionOf(made, actor, draft.now, null));
    return made;
  };
  const root = copy({ ...source, name, name_key: nameKey(name) }, parent.file_id);
  draft.record("created", actor, op_id, root);
  for (const file of below) {
    const made = copy(file, ids.get(file.parent_id as string) as string);
    draft.record("created", actor, `${op_id}/${made.file_id}`, made);
  }
  draft.writes.used_delta += bytes;
  return root;
}

/** The history's row of a file's current version. */
export const versionOf = (file: FileRow, actor: Actor, now: number, description: string | null): NewVersion => ({
  tenant_id: file.tenant_id,
  file_id: file.file_id,
  version_number: file.version_number,
  version_id: file.version_id as string,
  content_id: file.content_id as string,
  content_hash: file.content_hash,
  size: file.size,
  mime_type: file.mime_type,
  created_by: actor.user_id,
  device_id: actor.device_id,
  created_at: now,
  change_description: description,
});

/** What needs no space is never refused, not even in a drive whose limit was lowered below what it holds. */
export function requireSpace(draft: Draft, bytes: number): void {
  const free = Math.max(0, draft.free);
  if (bytes > free) throw noSpace(bytes, free);
}
