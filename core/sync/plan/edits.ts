/**
 * What becomes of bytes that are to be a file or a version: decided first, so that a refusal changes nothing, then done.
 * Those of a sync client, which have a base, are settled by docs/spec/sync.md, CF2 to CF12.
 */
import { nameKey, nameTaken } from "../../files/names.ts";
import type { FileRow } from "../../files/model.ts";
import { DriveError } from "../../protocol/errors.ts";
import type { UploadTarget } from "../../uploads/model.ts";
import { requirePlace } from "../../uploads/place.ts";
import type { Actor, Outcome } from "../commands.ts";
import { conflictName, conflictPrefix, hasSeen, stamp } from "../conflicts.ts";
import type { Draft } from "../draft.ts";
import { loserOf } from "../replay.ts";
import { changedAt, newFolder, placeName, versionOf } from "./files.ts";
import { freeIn, holderIn, makePlace, type Place, placeIn, requireBack } from "./revive.ts";

/** Stored by an upload or shared with another file. */
export interface Bytes extends Pick<FileRow, "size" | "content_hash" | "integrity"> {
  content_id: string;
}

/** Where a file comes back to from the trash. */
interface Back {
  place: Place;
  name: string;
}

export type Edit =
  | { kind: "new"; place: Place; name: string; original: FileRow | null }
  | { kind: "version"; file: FileRow; back: Back | null }
  /** The same bytes are there. */
  | { kind: "merge"; file: FileRow; back: Back | null }
  /** What was there goes into the history and, as a copy, into the trash (CF12). */
  | { kind: "replace"; file: FileRow };

export type Edited = Pick<Outcome, "status" | "file" | "copy" | "made">;

/** Bytes by which the drive grows: current versions count, and the trash (Q1). */
export function growthOf(edit: Edit, { size }: Pick<Bytes, "size">): number {
  if (edit.kind === "merge") return 0;
  return edit.kind === "version" ? size - edit.file.size : size;
}

const isSame = (file: FileRow, { content_hash, size }: Bytes): boolean =>
  content_hash !== null && file.content_hash === content_hash && file.size === size;

/** Changes nothing. @param bytes as far as they are known */
export function decideEdit(draft: Draft, target: UploadTarget, bytes: Bytes, actor: Actor): Edit {
  if (target.kind === "version") return decideVersion(draft, target, bytes, actor);
  if (target.base !== undefined && target.on_name_conflict === "fail") return decideNew(draft, target, bytes, actor);
  const folder = draft.folder(target.parent_id);
  const holder = draft.holder(folder.file_id, nameKey(target.name));
  if (target.on_name_conflict === "new_version" && holder !== null) {
    if (holder.is_folder) throw nameTaken(holder.name, holder);
    return { kind: "version", file: holder, back: null };
  }
  const name = placeName(draft, folder, target.name, target.on_name_conflict === "rename" ? "rename" : "fail");
  return { kind: "new", place: { folder, missing: [] }, name, original: null };
}

type VersionTarget = Extract<UploadTarget, { kind: "version" }>;
type NewTarget = Extract<UploadTarget, { kind: "file" }>;

function decideVersion(draft: Draft, target: VersionTarget, bytes: Bytes, actor: Actor): Edit {
  const { base } = target;
  const file = base === undefined ? draft.living(target.file_id) : draft.get(target.file_id);
  requirePlace(file, target);
  if (base === undefined) return { kind: "version", file, back: null };
  const kind = isSame(file, bytes) ? "merge" : "version";
  if (draft.isTrashed(file)) return { kind, file, back: backOf(draft, file, actor) };
  if (kind === "merge" || hasSeen(base, file.content_dot)) return { kind, file, back: null };
  return besides(draft, file, file.name, actor);
}

function backOf(draft: Draft, file: FileRow, actor: Actor): Back {
  const place = placeIn(draft, file.parent_id, file.name, actor);
  requireBack(draft, place.folder, actor);
  return { place, name: freeIn(draft, place, file.name, file.file_id) };
}

function decideNew(draft: Draft, target: NewTarget, bytes: Bytes, actor: Actor): Edit {
  if (draft.find(target.parent_id) === null) throw new DriveError("parent_not_found", "The folder does not exist.");
  const place = placeIn(draft, target.parent_id, target.name, actor);
  const holder = holderIn(draft, place, target.name);
  if (holder === null) return { kind: "new", place, name: freeIn(draft, place, target.name), original: null };
  return isSame(holder, bytes)
    ? { kind: "merge", file: holder, back: null }
    : besides(draft, holder, target.name, actor);
}

/**
 * Both stay, or the later one has the name: as the nearest folder says that says anything, and where who sent it may not
 * make a copy in the folder.
 */
function besides(draft: Draft, file: FileRow, asked: string, actor: Actor): Edit {
  const above = draft.chain(file).slice(1);
  const policy = above.find((folder) => folder.conflict_policy !== null)?.conflict_policy;
  const folder = above[0] as FileRow;
  const isReplaced = policy === "last_writer_wins" || !draft.mayWriteIn(folder, actor);
  if (isReplaced && !file.is_folder) return { kind: "replace", file };
  const place: Place = { folder, missing: [] };
  return { kind: "new", place, name: copyName(draft, place.folder, file, asked, actor), original: file };
}

/** The name of the conflict copy of a file, in its folder. */
export function copyName(draft: Draft, folder: FileRow, file: FileRow, asked: string, actor: Actor): string {
  const named = [asked, actor.device_name, file.conflict_of !== null] as const;
  draft.requireNumbered(folder.file_id, conflictPrefix(...named));
  return conflictName(...named, (key) => draft.isTaken(folder.file_id, key));
}

type About = Pick<UploadTarget, "mime_type" | "modified_at" | "base">;

/** Does what was decided. */
export function applyEdit(draft: Draft, edit: Edit, target: About, bytes: Bytes, actor: Actor, op_id: string): Edited {
  if (edit.kind === "new") {
    const { original, name } = edit;
    const folder = makePlace(draft, edit.place, actor, op_id);
    const about = { ...target, mime_type: target.mime_type ?? original?.mime_type ?? null };
    const file = addFile(draft, newFile(draft, folder, name, about, bytes, actor, original), actor, op_id);
    if (original === null) return { status: "applied", file, copy: null, made: "file" };
    return { status: "conflict", file: original, copy: file, made: "copy" };
  }
  if (edit.kind === "replace") {
    const { file } = edit;
    const copy = addFile(draft, loser(draft, file, actor), actor, loserOf(op_id));
    const next = addVersion(draft, file, target, bytes, actor, op_id, null);
    return { status: "conflict", file: next, copy, made: "file" };
  }
  const file = edit.back === null ? edit.file : comeBack(draft, edit.file, edit.back, actor, op_id);
  const next =
    edit.kind === "merge"
      ? merge(draft, file, target, actor, op_id)
      : addVersion(draft, file, target, bytes, actor, op_id, null);
  return { status: "applied", file: next, copy: null, made: "file" };
}

/** Out of the trash, before what brought it back changes it. */
export function comeBack(draft: Draft, file: FileRow, { place, name }: Back, actor: Actor, op_id: string): FileRow {
  const parent_id = makePlace(draft, place, actor, op_id).file_id;
  const { vector, dot } = stamp(file.vector, actor);
  const placed = { parent_id, name, name_key: nameKey(name), trashed_at: null };
  const next = { ...file, ...placed, updated_at: changedAt(draft, file), vector, place_dot: dot };
  draft.put(next);
  draft.record("untrashed", actor, `${op_id}/${file.file_id}`, next);
  return next;
}

/** Nothing is stored twice. A device that knew these bytes may have seen them touched. */
function merge(draft: Draft, file: FileRow, { base, modified_at }: About, actor: Actor, op_id: string): FileRow {
  const { vector } = stamp(file.vector, actor);
  const next: FileRow = { ...file, vector, updated_at: changedAt(draft, file) };
  if (base !== undefined && hasSeen(base, file.content_dot)) next.modified_at = modified_at ?? file.modified_at;
  draft.put(next);
  draft.record("merged", actor, op_id, next);
  return next;
}

function newFile(
  draft: Draft,
  folder: FileRow,
  name: string,
  { mime_type, modified_at }: About,
  bytes: Bytes,
  actor: Actor,
  original: FileRow | null,
): FileRow {
  const item = newFolder(draft, draft.newId(), folder.file_id, name, actor);
  return {
    ...item,
    is_folder: false,
    size: bytes.size,
    mime_type,
    content_id: bytes.content_id,
    content_hash: bytes.content_hash,
    integrity: bytes.integrity,
    version_id: draft.newId(),
    version_number: 1,
    version_count: 1,
    content_dot: item.place_dot,
    conflict_of: original?.file_id ?? null,
    modified_at,
  };
}

/** What was overwritten, as a copy in the trash. Whose it was is in the history. */
function loser(draft: Draft, file: FileRow, actor: Actor): FileRow {
  const folder = draft.get(file.parent_id as string);
  const name = conflictName(file.name, null, file.conflict_of !== null, () => false);
  const copy = newFile(draft, folder, name, file, { ...file, content_id: file.content_id as string }, actor, file);
  return { ...copy, metadata: file.metadata, trashed_at: draft.now };
}

function addFile(draft: Draft, file: FileRow, actor: Actor, op_id: string): FileRow {
  commitVersion(draft, file, file.size, actor, null);
  draft.record("created", actor, op_id, file);
  return file;
}

export function addVersion(
  draft: Draft,
  file: FileRow,
  target: Pick<UploadTarget, "mime_type" | "modified_at">,
  bytes: Bytes,
  actor: Actor,
  op_id: string,
  description: string | null,
): FileRow {
  const { vector, dot } = stamp(file.vector, actor);
  const next: FileRow = {
    ...file,
    size: bytes.size,
    content_id: bytes.content_id,
    content_hash: bytes.content_hash,
    integrity: bytes.integrity,
    mime_type: target.mime_type ?? file.mime_type,
    modified_at: target.modified_at,
    updated_at: changedAt(draft, file),
    version_id: draft.newId(),
    version_number: file.version_number + 1,
    version_count: file.version_count + 1,
    vector,
    content_dot: dot,
  };
  commitVersion(draft, next, bytes.size - file.size, actor, description);
  draft.record("modified", actor, op_id, next);
  return next;
}

/** Quota counts the current version only, so a new version costs the difference. */
function commitVersion(draft: Draft, file: FileRow, grown: number, actor: Actor, description: string | null): void {
  draft.put(file);
  draft.writes.used_delta += grown;
  draft.versions.push(versionOf(file, actor, draft.now, description));
}
