/** Where a change goes whose folder lies in the trash: the folder comes back by its name. docs/spec/sync.md, CF5 and CF9. */
import { DriveError } from "../../protocol/errors.ts";
import { freeName, nameKey, numberedPrefix, parseName } from "../../files/names.ts";
import type { FileRow } from "../../files/model.ts";
import type { Actor } from "../commands.ts";
import { type Draft, MAX_DEPTH } from "../draft.ts";
import { newFolder } from "./files.ts";

/** A living folder, and what is to be made in it first, each in the one before. */
export interface Place {
  folder: FileRow;
  missing: readonly Pick<FileRow, "name" | "metadata" | "conflict_policy">[];
}

/**
 * Finds the place, and changes nothing.
 * @param parent_id null, or of a folder that was purged: the root
 * @param name what is to lie there; so its holder is known afterwards
 */
export function placeIn(draft: Draft, parent_id: string | null, name: string, actor: Actor): Place {
  const parent = parent_id === null ? null : draft.find(parent_id);
  if (parent !== null && !parent.is_folder) throw new DriveError("not_a_folder", `“${parent.name}” is not a folder.`);
  const chain = parent === null ? [] : draft.chain(parent);
  const top = chain.findLastIndex((folder) => folder.trashed_at !== null);
  const above = chain[top + 1]?.file_id ?? draft.drive.drive_id;
  draft.requireFile(above);
  const lost = chain.slice(0, top + 1).toReversed();
  draft.requirePath(above, [...lost.map((folder) => folder.name_key), nameKey(parseName(name))]);
  let folder = draft.get(above);
  let found = 0;
  for (const { name_key } of lost) {
    const there = draft.holder(folder.file_id, name_key);
    if (there?.is_folder !== true) break;
    folder = there;
    found++;
  }
  if (lost.length > 0 || parent === null) requireBack(draft, folder, actor);
  if (draft.chain(folder).length + lost.length - found >= MAX_DEPTH)
    throw new DriveError("too_deep", `Folders can be nested ${MAX_DEPTH} deep at most.`);
  const [first, ...rest] = lost.slice(found);
  if (first === undefined) return { folder, missing: [] };
  return { folder, missing: [{ ...first, name: freeIn(draft, { folder, missing: [] }, first.name) }, ...rest] };
}

/** What comes back takes the right to write where it does: more than its own, which ended in the trash. */
export function requireBack(draft: Draft, folder: FileRow, actor: Actor): void {
  if (!draft.mayWriteIn(folder, actor)) throw new DriveError("trashed", "This is in the trash.");
}

/** The folder itself, made with those above it where it is missing. */
export function makePlace(draft: Draft, place: Place, actor: Actor, op_id: string): FileRow {
  let { folder } = place;
  for (const { name, metadata, conflict_policy } of place.missing) {
    const made = newFolder(draft, draft.newId(), folder.file_id, name, actor);
    draft.put({ ...made, metadata, conflict_policy });
    draft.record("created", actor, `${op_id}/${made.file_id}`, made);
    folder = draft.get(made.file_id);
  }
  return folder;
}

/** Who has a name there; in a folder that is still to be made, nobody. */
export const holderIn = (draft: Draft, { folder, missing }: Place, name: string): FileRow | null =>
  missing.length > 0 ? null : draft.holder(folder.file_id, nameKey(parseName(name)));

/** The name itself, or the first with a number that nobody has, but for `self`. */
export function freeIn(draft: Draft, place: Place, raw: string, self?: string): string {
  const name = parseName(raw);
  const holder = holderIn(draft, place, name);
  if (holder === null || holder.file_id === self) return name;
  const { file_id } = place.folder;
  draft.requireNumbered(file_id, numberedPrefix(name));
  return freeName(name, (key) => draft.isTaken(file_id, key));
}
