/** Folders, moves and deletes of a sync client: settled, not refused. docs/spec/sync.md, CF4 to CF9. */
import { nameKey, parseName } from "../../files/names.ts";
import type { FileRow, Vector } from "../../files/model.ts";
import { DriveError } from "../../protocol/errors.ts";
import type { JournalOp } from "../../protocol/sync.ts";
import type { Actor, Command } from "../commands.ts";
import { hasSeen, stamp } from "../conflicts.ts";
import { type Draft, MAX_DEPTH } from "../draft.ts";
import { copyName, type Edited } from "./edits.ts";
import { changedAt, folderIdOf, newFolder, trash, untrash } from "./files.ts";
import { freeIn, holderIn, makePlace, placeIn, requireBack } from "./revive.ts";

/** A change that was made on a vector. */
type Of<Op extends Command["op"]> = Extract<Command, { op: Op }> & { base: Vector };

const applied = (file: FileRow): Edited => ({ status: "applied", file, copy: null, made: "file" });

/** Nothing is left to do; the entry is what a repeat finds. */
function merged(draft: Draft, file: FileRow, actor: Actor, op_id: string): Edited {
  draft.record("merged", actor, op_id, file);
  return applied(file);
}

/** A folder of that name is the same folder (CF8). */
export function settleFolder(draft: Draft, command: Of<"create_folder">, actor: Actor, op_id: string): Edited {
  const file_id = folderIdOf(draft, command);
  if (draft.find(command.parent_id) === null) throw new DriveError("parent_not_found", "The folder does not exist.");
  const place = placeIn(draft, command.parent_id, command.name, actor);
  const holder = holderIn(draft, place, command.name);
  if (holder?.is_folder === true) return merged(draft, holder, actor, op_id);
  const name =
    holder === null ? parseName(command.name) : copyName(draft, place.folder, holder, parseName(command.name), actor);
  const { file_id: parent_id } = makePlace(draft, place, actor, op_id);
  const folder = { ...newFolder(draft, file_id, parent_id, name, actor), conflict_of: holder?.file_id ?? null };
  draft.put(folder);
  draft.record("created", actor, op_id, folder);
  return holder === null ? applied(folder) : { status: "conflict", file: holder, copy: folder, made: "copy" };
}

/** The later commit has the place (CF7). What was deleted by who did not know of the move comes back by it. */
export function settleUpdate(draft: Draft, command: Of<"update">, actor: Actor, op_id: string): Edited {
  const file = draft.get(command.file_id);
  if (file.parent_id === null)
    throw new DriveError("root_is_fixed", "The root folder can neither be renamed nor moved.");
  if (file.trashed_at !== null && hasSeen(command.base, file.place_dot))
    throw new DriveError("trashed", "This is in the trash.", { file_id: file.file_id });
  const asked = command.name ?? file.name;
  const to = command.parent_id ?? file.parent_id;
  const parent = draft.find(to);
  if (parent === null && command.parent_id !== undefined)
    throw new DriveError("parent_not_found", "The folder does not exist.");
  const place = placeIn(draft, to, asked, actor);
  if (file.trashed_at !== null) requireBack(draft, place.folder, actor);
  const above = draft.chain(place.folder);
  if ([...(parent === null ? [] : draft.chain(parent)), ...above].some((f) => f.file_id === file.file_id))
    throw new DriveError("cannot_move_into_itself", `“${file.name}” cannot be moved into itself.`);
  const height = draft.snapshot.heights.get(file.file_id) ?? 0;
  if (above.length + place.missing.length + 1 + height > MAX_DEPTH)
    throw new DriveError("too_deep", `Folders can be nested ${MAX_DEPTH} deep at most.`);
  const name = freeIn(draft, place, asked, file.file_id);
  const isThere = place.missing.length === 0 && place.folder.file_id === file.parent_id && name === file.name;
  if (isThere && file.trashed_at === null) return merged(draft, file, actor, op_id);
  const { file_id: parent_id } = makePlace(draft, place, actor, op_id);
  const { vector, dot } = stamp(file.vector, actor);
  const placed = { parent_id, name, name_key: nameKey(name), trashed_at: null, place_dot: dot };
  const next = { ...file, ...placed, updated_at: changedAt(draft, file), vector };
  draft.put(next);
  if (file.trashed_at !== null) draft.record("untrashed", actor, `${op_id}/${file.file_id}`, next);
  draft.record("updated", actor, op_id, next);
  return applied(next);
}

/** Not done where what it names, or what lies in it, has changed since (CF4, CF6). */
export function settleTrash(draft: Draft, command: Of<"trash">, actor: Actor, op_id: string): Edited {
  const { base, seen = 0 } = command;
  const file = draft.get(command.file_id);
  if (draft.isTrashed(file)) return merged(draft, file, actor, op_id);
  const isKnown = hasSeen(base, file.content_dot) && hasSeen(base, file.place_dot);
  if (isKnown && !(file.is_folder && hasNews(draft, file, seen, actor)))
    return applied(trash(draft, command, actor, op_id));
  draft.record("kept", actor, op_id, file);
  return { status: "conflict", file, copy: null, made: "file" };
}

/** What makes something be, or be another, where it is. */
const NEWS: ReadonlySet<JournalOp> = new Set(["created", "modified", "updated", "untrashed"]);

/** Whether another device made, changed or moved in something below a folder. More than is looked at counts as such. */
function hasNews(draft: Draft, folder: FileRow, seen: number, { device_id }: Actor): boolean {
  const changes = draft.changesSince(seen);
  if (changes === null) return true;
  return changes.some((entry) => {
    if (!NEWS.has(entry.op) || entry.device_id === device_id || entry.file_id === folder.file_id) return false;
    const file = draft.find(entry.file_id);
    return file !== null && !draft.isTrashed(file) && draft.chain(file).includes(folder);
  });
}

export function settleUntrash(draft: Draft, command: Of<"untrash">, actor: Actor, op_id: string): Edited {
  const file = draft.get(command.file_id);
  return file.trashed_at === null ? merged(draft, file, actor, op_id) : applied(untrash(draft, command, actor, op_id));
}
