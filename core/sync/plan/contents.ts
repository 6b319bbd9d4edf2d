/** Commands that give a file its bytes: commits of uploads, instant uploads, copies, restored and purged versions. */
import { DriveError } from "../../protocol/errors.ts";
import { nameKey, parseName } from "../../files/names.ts";
import type { FileRow, VersionRow } from "../../files/model.ts";
import { HOOKED_MIN } from "../../manifests/hooks.ts";
import { packPrefix } from "../../packs/format.ts";
import { livePack } from "../../packs/live.ts";
import type { UploadRow, UploadTarget } from "../../uploads/model.ts";
import { requirePlace } from "../../uploads/place.ts";
import type { Actor, Command, StoredContent } from "../commands.ts";
import type { Draft } from "../draft.ts";
import { stamp } from "../conflicts.ts";
import { changedAt, placeName, requireSpace, versionOf } from "./files.ts";

type Of<Op extends Command["op"]> = Extract<Command, { op: Op }>;

/** Bytes that a version is to have, stored by an upload or shared with another file. */
interface Bytes extends Pick<FileRow, "size" | "content_hash" | "integrity"> {
  content_id: string;
}

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

export function commitUpload(draft: Draft, command: Of<"commit_upload">, actor: Actor, op_id: string): FileRow {
  const upload = openUpload(draft, command.upload_id);
  if (upload.target === null) throw new DriveError("internal", "A batch is not committed as a whole.");
  requireCommit(draft, upload.target, command.content, upload.reserved_bytes);
  const file = commit(draft, upload, upload.target, command.content, actor, op_id);
  settle(draft, upload, { state: "committed", file_id: file.file_id });
  return file;
}

/** The session goes on, and has reserved nothing: each content of a batch is counted by its own commit (Q2). */
export function commitContent(draft: Draft, command: Of<"commit_content">, actor: Actor, op_id: string): FileRow {
  const { target, content } = command;
  // Before the session, which the try whose answer was lost may have closed: the reason is the same again (H4).
  requireCommit(draft, target, content, 0);
  const upload = openUpload(draft, command.upload_id);
  if (upload.target !== null) throw new DriveError("internal", "This upload is of one file only.");
  const file = commit(draft, upload, target, content, actor, op_id);
  settle(draft, upload, { file_id: file.file_id });
  return file;
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
  content: StoredContent,
  actor: Actor,
  op_id: string,
): FileRow {
  const prefix = packPrefix(upload.upload_id);
  if (content.packs.some(({ pack_id }) => !pack_id.startsWith(prefix)))
    throw new DriveError("internal", "A pack of another upload cannot be committed.");
  const file = place(draft, target, content, actor, op_id);
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
  return file;
}

/** What must hold for bytes to become visible, whichever session they came by. */
function requireCommit(draft: Draft, target: UploadTarget, content: StoredContent, reserved_bytes: number): void {
  requireLive(draft, content.borrowed);
  requireGrowth(draft, target, content.size - reserved_bytes);
  requireTarget(draft, target);
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

export function createKnown(draft: Draft, command: Of<"create_known">, actor: Actor, op_id: string): FileRow {
  const { content_id, content_hash, size } = command.content;
  const known = draft.snapshot.contents.find((content) => content.content_id === content_id);
  if (known === undefined || known.content_hash !== content_hash || known.size !== size)
    throw new DriveError("base_mismatch", "These bytes are not there any more.");
  requireGrowth(draft, command.target, size);
  return place(draft, command.target, { ...command.content, integrity: "ok" }, actor, op_id);
}

export function createFrom(draft: Draft, command: Of<"create_from">, actor: Actor, op_id: string): FileRow {
  const source = draft.living(command.source_file_id);
  if (source.is_folder || source.content_id === null)
    throw new DriveError("not_a_file", `“${source.name}” is a folder.`);
  requireGrowth(draft, command.target, source.size);
  return place(draft, command.target, { ...source, content_id: source.content_id }, actor, op_id);
}

function checkTarget(draft: Draft, target: UploadTarget): void {
  if (target.kind === "version") return requirePlace(draft.living(target.file_id), target);
  const parent = draft.folder(target.parent_id);
  if (target.on_name_conflict === "fail") placeName(draft, parent, target.name, "fail");
  else parseName(target.name);
}

function requireTarget(draft: Draft, target: UploadTarget): void {
  checkTarget(draft, target);
  if (target.kind === "version" || target.on_name_conflict !== "new_version") return;
  const holder = draft.holder(target.parent_id, nameKey(target.name));
  if (holder?.is_folder === true)
    throw new DriveError("name_taken", `“${holder.name}” is a folder.`, { file_id: holder.file_id });
}

/** Makes the new file or the new version. */
function place(draft: Draft, target: UploadTarget, bytes: Bytes, actor: Actor, op_id: string): FileRow {
  requireTarget(draft, target);
  if (target.kind === "version") return addVersion(draft, draft.get(target.file_id), target, bytes, actor, op_id, null);
  const parent = draft.folder(target.parent_id);
  const holder = draft.holder(parent.file_id, nameKey(target.name));
  if (target.on_name_conflict === "new_version" && holder !== null)
    return addVersion(draft, holder, target, bytes, actor, op_id, null);
  const name = placeName(draft, parent, target.name, target.on_name_conflict === "rename" ? "rename" : "fail");
  const { vector, dot } = stamp({}, actor);
  const file: FileRow = {
    tenant_id: draft.drive.tenant_id,
    file_id: draft.newId(),
    drive_id: draft.drive.drive_id,
    parent_id: parent.file_id,
    name,
    name_key: nameKey(name),
    is_folder: false,
    size: bytes.size,
    mime_type: target.mime_type,
    content_id: bytes.content_id,
    content_hash: bytes.content_hash,
    integrity: bytes.integrity,
    version_id: draft.newId(),
    version_number: 1,
    version_count: 1,
    vector,
    content_dot: dot,
    place_dot: dot,
    conflict_of: null,
    conflict_policy: null,
    metadata: {},
    created_by: actor.user_id,
    created_at: draft.now,
    updated_at: draft.now,
    modified_at: target.modified_at,
    trashed_at: null,
  };
  commitVersion(draft, file, bytes.size, actor, null);
  draft.record("created", actor, op_id, file);
  return file;
}

function addVersion(
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
