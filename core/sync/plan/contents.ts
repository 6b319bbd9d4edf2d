/** Commands that give a file its bytes: commits of uploads, instant uploads, copies, restored and purged versions. */
import { DriveError } from "../../protocol/errors.ts";
import { nameKey, parseName } from "../../files/names.ts";
import type { FileRow, VersionRow } from "../../files/model.ts";
import { HOOKED_MIN } from "../../manifests/hooks.ts";
import { packPrefix } from "../../packs/format.ts";
import { livePack } from "../../packs/live.ts";
import type { UploadRow, UploadTarget } from "../../uploads/model.ts";
import { requirePlace } from "../../uploads/place.ts";
import { type Actor, type Command, madeBy, type StoredContent } from "../commands.ts";
import type { Draft } from "../draft.ts";
import { addVersion, applyEdit, type Bytes, decideEdit, type Edit, type Edited, growthOf } from "./edits.ts";
import { placeName, requireSpace } from "./files.ts";

type Of<Op extends Command["op"]> = Extract<Command, { op: Op }>;

export function reserveUpload(draft: Draft, command: Of<"reserve_upload">): UploadRow {
  const { upload } = command;
  const earlier = draft.snapshot.uploads.find((u) => u.upload_id === upload.upload_id);
  if (earlier !== undefined) return earlier;
  // Fail before any byte is taken where the commit would fail anyway.
  checkTarget(draft, upload.target);
  requireSpace(draft, upload.reserved_bytes);
  draft.writes.reserved_delta += upload.reserved_bytes;
  draft.writes.uploads.push(upload);
  draft.snapshot.uploads.push(upload);
  return upload;
}

const session = (draft: Draft, upload_id: string): UploadRow | undefined =>
  draft.snapshot.uploads.find((u) => u.upload_id === upload_id);

/** The session as the next command of the same group is to find it; its row is written once. */
function settle(draft: Draft, before: UploadRow, change: Partial<UploadRow>): UploadRow {
  const { snapshot, writes } = draft;
  const upload = { ...before, ...change };
  const { upload_id, state, file_id } = upload;
  snapshot.uploads[snapshot.uploads.indexOf(before)] = upload;
  writes.settled = writes.settled.filter((settled) => settled.upload_id !== upload_id);
  writes.settled.push({ upload_id, state, file_id });
  if (state !== "open") writes.reserved_delta -= upload.reserved_bytes;
  return upload;
}

function openUpload(draft: Draft, upload_id: string): UploadRow {
  const upload = session(draft, upload_id);
  if (upload === undefined || upload.state === "aborted")
    throw new DriveError("unknown_upload", "There is no such upload, or it was cancelled.");
  if (upload.state === "committed")
    throw new DriveError("upload_completed", "This upload is complete already.", { file_id: upload.file_id });
  return upload;
}

/** Cancelling twice is cancelling once. */
export function releaseUpload(draft: Draft, command: Of<"release_upload">): UploadRow {
  const upload = session(draft, command.upload_id);
  if (upload?.state === "aborted") return upload;
  return settle(draft, openUpload(draft, command.upload_id), { state: "aborted" });
}

/** A session whose bytes were there already ends without them: what it stored is the sweep's (E12). */
export function commitUpload(draft: Draft, command: Of<"commit_upload">, actor: Actor, op_id: string): Edited {
  const upload = openUpload(draft, command.upload_id);
  const { target, reserved_bytes } = upload;
  if (target === null) throw new DriveError("internal", "A batch is not committed as a whole.");
  const edit = requireCommit(draft, target, command.content, reserved_bytes, actor);
  const edited = commit(draft, upload, target, edit, command.content, actor, op_id);
  const file_id = madeBy(edited)?.file_id ?? null;
  settle(draft, upload, { state: edit.kind === "merge" ? "aborted" : "committed", file_id });
  return edited;
}

/** The session goes on, and has reserved nothing: each content of a batch is counted by its own commit (Q2). */
export function commitContent(draft: Draft, command: Of<"commit_content">, actor: Actor, op_id: string): Edited {
  const { target, content } = command;
  // Before the session, which the try whose answer was lost may have closed: the reason is the same again (H4).
  const edit = requireCommit(draft, target, content, 0, actor);
  const upload = openUpload(draft, command.upload_id);
  if (upload.target !== null) throw new DriveError("internal", "This upload is of one file only.");
  const edited = commit(draft, upload, target, edit, content, actor, op_id);
  if (edit.kind !== "merge") settle(draft, upload, { file_id: madeBy(edited)?.file_id ?? null });
  return edited;
}

/** Closing twice is closing once, and so is closing what the sweep has ended. */
export function closeUpload(draft: Draft, command: Of<"close_upload">): UploadRow {
  const upload = session(draft, command.upload_id);
  if (upload === undefined) throw new DriveError("unknown_upload", "There is no such upload.");
  if (upload.state !== "open") return upload;
  return settle(draft, upload, { state: upload.file_id === null ? "aborted" : "committed" });
}

/** Makes stored bytes visible under `target`. */
function commit(
  draft: Draft,
  upload: UploadRow,
  target: UploadTarget,
  edit: Edit,
  content: StoredContent,
  actor: Actor,
  op_id: string,
): Edited {
  const prefix = packPrefix(upload.upload_id);
  if (content.packs.some(({ pack_id }) => !pack_id.startsWith(prefix)))
    throw new DriveError("internal", "A pack of another upload cannot be committed.");
  const edited = applyEdit(draft, edit, target, content, actor, op_id);
  if (edit.kind === "merge") return edited;
  const file = madeBy(edited) as FileRow;
  const { tenant_id, drive_id } = draft.drive;
  // A pack without a row belongs to the upload that it is named after, which is open: now it is live (PK10).
  for (const pack of content.packs)
    if (!draft.writes.packs.some(({ pack_id }) => pack_id === pack.pack_id))
      draft.writes.packs.push(livePack(tenant_id, pack, draft.now));
  draft.writes.borrowed.push(...content.borrowed);
  addContent(draft, content, upload.declared_hash);
  if (content.size >= HOOKED_MIN) {
    const of = {
      tenant_id,
      drive_id,
      content_id: content.content_id,
      file_id: file.file_id,
      version_id: file.version_id as string,
    };
    for (const hash of new Set(content.hooks)) draft.writes.hooks.push({ ...of, hash });
  }
  return edited;
}

/** What must hold for bytes to become visible, whichever session they came by. */
function requireCommit(
  draft: Draft,
  target: UploadTarget,
  content: StoredContent,
  reserved_bytes: number,
  actor: Actor,
): Edit {
  requireLive(draft, content.borrowed);
  return requireEdit(draft, target, content, reserved_bytes, actor);
}

/** How bytes become visible, where there is the space. @param reserved_bytes of it, which need no more */
function requireEdit(draft: Draft, target: UploadTarget, bytes: Bytes, reserved_bytes: number, actor: Actor): Edit {
  if (target.base === undefined) requireGrowth(draft, target, bytes.size - reserved_bytes);
  const edit = decideEdit(draft, target, bytes, actor);
  const grown = growthOf(edit, bytes) - reserved_bytes;
  if (target.base !== undefined && grown > 0) requireSpace(draft, grown);
  return edit;
}

/** @param size bytes, but for those that are reserved */
function requireGrowth(draft: Draft, target: UploadTarget, size: number): void {
  const grown = size - sizeAt(draft, target);
  if (grown > 0) requireSpace(draft, grown);
}

/** What a new version takes the place of: only the difference is counted (Q1). */
function sizeAt(draft: Draft, target: UploadTarget): number {
  if (target.kind === "version") return draft.find(target.file_id)?.size ?? 0;
  return target.on_name_conflict === "new_version"
    ? (draft.holder(target.parent_id, nameKey(target.name))?.size ?? 0)
    : 0;
}

/** The batch asserts it again: a round may condemn one meanwhile (G4). */
function requireLive(draft: Draft, pack_ids: readonly string[]): void {
  const live = new Set(draft.snapshot.packs.filter(({ state }) => state === "live").map(({ pack_id }) => pack_id));
  if (pack_ids.some((pack_id) => !live.has(pack_id)))
    throw new DriveError("base_mismatch", "Some of these blocks are not kept any more; please send them whole.");
}

/** A content without a hash waits for its verification; the declared hash goes along, for the session is forgotten. */
function addContent(draft: Draft, content: StoredContent, declared_hash: string | null): void {
  const { tenant_id, drive_id } = draft.drive;
  const { content_id, content_hash, size, manifest } = content;
  draft.writes.contents.push({
    tenant_id,
    content_id,
    content_hash,
    size,
    manifest,
    created_at: draft.now,
    is_ended: false,
  });
  if (content_hash !== null) return;
  draft.writes.verifications.push({
    tenant_id,
    drive_id,
    content_id,
    declared_hash,
    hashed_bytes: 0,
    state: null,
    attempts: 0,
    error: null,
    next_at: draft.now,
  });
}

/** What else knows the content is set by the store: versions, by their content's id. */
export function verifyContent(draft: Draft, command: Of<"verify_content">, actor: Actor, op_id: string): void {
  const { content_id, content_hash, integrity } = command;
  draft.writes.verified.push({ content_id, content_hash });
  for (const file of draft.having(content_id)) {
    if (file.integrity !== "pending") continue;
    draft.put({ ...file, content_hash, integrity });
    // A hash that is as it should be changes nothing for anybody; another one is for the owner to see.
    if (integrity !== "ok") draft.record("verified", actor, `${op_id}/${file.file_id}`, file);
  }
}

/** Changes nothing; a file that is gone needs no notice. */
export function announceUnarchived(
  draft: Draft,
  { file_id }: Of<"announce_unarchived">,
  actor: Actor,
  op_id: string,
): FileRow | null {
  const file = draft.find(file_id);
  if (file !== null) draft.record("unarchived", actor, op_id, file);
  return file;
}

export function createKnown(draft: Draft, command: Of<"create_known">, actor: Actor, op_id: string): Edited {
  const { content_id, content_hash, size } = command.content;
  const known = draft.snapshot.contents.find((content) => content.content_id === content_id);
  if (known === undefined || known.content_hash !== content_hash || known.size !== size)
    throw new DriveError("base_mismatch", "These bytes are not there any more.");
  const bytes: Bytes = { ...command.content, integrity: "ok" };
  const edit = requireEdit(draft, command.target, bytes, 0, actor);
  return applyEdit(draft, edit, command.target, bytes, actor, op_id);
}

export function createFrom(draft: Draft, command: Of<"create_from">, actor: Actor, op_id: string): Edited {
  const source = draft.living(command.source_file_id);
  if (source.is_folder || source.content_id === null)
    throw new DriveError("not_a_file", `“${source.name}” is a folder.`);
  const bytes: Bytes = { ...source, content_id: source.content_id };
  const edit = requireEdit(draft, command.target, bytes, 0, actor);
  return applyEdit(draft, edit, command.target, bytes, actor, op_id);
}

/** Of a sync client's change most is settled when its bytes are known. */
function checkTarget(draft: Draft, target: UploadTarget): void {
  const { base } = target;
  if (target.kind === "version")
    return requirePlace(base === undefined ? draft.living(target.file_id) : draft.get(target.file_id), target);
  if (base !== undefined) return void parseName(target.name);
  const parent = draft.folder(target.parent_id);
  if (target.on_name_conflict === "fail") placeName(draft, parent, target.name, "fail");
  else parseName(target.name);
}

const version = (draft: Draft, file_id: string, version_id: string): VersionRow => {
  const found = draft.snapshot.versions.find((v) => v.file_id === file_id && v.version_id === version_id);
  if (found === undefined) throw new DriveError("not_found", "There is no such version.");
  return found;
};

/** A restored version becomes a new version: nothing of the history is lost. */
export function restoreVersion(draft: Draft, command: Of<"restore_version">, actor: Actor, op_id: string): FileRow {
  const file = draft.living(command.file_id);
  const old = version(draft, file.file_id, command.version_id);
  requireSpace(draft, Math.max(0, old.size - file.size));
  const bytes: Bytes = { ...old, integrity: old.content_hash === null ? "pending" : "ok" };
  const target = { mime_type: old.mime_type, modified_at: draft.now };
  return addVersion(draft, file, target, bytes, actor, op_id, `Restored version ${old.version_number}`);
}

export function purgeVersion(draft: Draft, command: Of<"purge_version">, actor: Actor, op_id: string): FileRow {
  const file = draft.get(command.file_id);
  const old = version(draft, file.file_id, command.version_id);
  if (old.version_id === file.version_id)
    throw new DriveError("forbidden", "The current version cannot be deleted; restore another one first.");
  const next = end(draft, file, [old]);
  draft.record("version_purged", actor, op_id, { file_id: file.file_id, version_id: old.version_id });
  return next;
}

/** Nothing that is left to end is no error: a sweep and a retry ask for what may be gone. */
export function purgeVersions(draft: Draft, command: Of<"purge_versions">, actor: Actor, op_id: string): FileRow {
  const file = draft.get(command.file_id);
  const old = draft.snapshot.versions.filter(
    (v) =>
      v.file_id === file.file_id && v.version_number <= command.through && v.version_number !== file.version_number,
  );
  if (old.length === 0) return file;
  const next = end(draft, file, old);
  draft.record("version_purged", actor, op_id, { file_id: file.file_id });
  return next;
}

/** For later commands of the same group these versions are gone. */
function end(draft: Draft, file: FileRow, old: readonly VersionRow[]): FileRow {
  const { snapshot, writes } = draft;
  snapshot.versions = snapshot.versions.filter((v) => !old.includes(v));
  writes.purged_versions.push(...old.map(({ file_id, version_number }) => ({ file_id, version_number })));
  const next = { ...file, version_count: file.version_count - old.length };
  draft.put(next);
  return next;
}
