/** Uploads of every kind end in one commit of the drive's hub. docs/spec/uploads.md, U1 to U14. */
import { DriveError } from "../protocol/errors.ts";
import { newId } from "../protocol/ids.ts";
import type { FileRow } from "../files/model.ts";
import { parseName } from "../files/names.ts";
import { type Principal, requireRight } from "../sharing/rights.ts";
import { formatManifest } from "../storage/manifest.ts";
import { PartsRejected } from "../storage/ports.ts";
import { writeContent } from "../storage/write.ts";
import type { Actor, StoredContent } from "../sync/commands.ts";
import { requireSameRequest } from "../sync/replay.ts";
import { assemble, receiveChunk } from "./chunks.ts";
import type { ChunkRow, UploadRow, UploadTarget } from "./model.ts";
import { FILE_MAX_BYTES, partSizeFor, requireSize, SESSION_TTL } from "./parts.ts";
import type { UploadDeps } from "./ports.ts";

export interface Caller {
  principal: Extract<Principal, { kind: "user" }>;
  actor: Actor;
  op_id: string;
  /** The client chose `op_id`: an earlier try may have committed it. */
  may_repeat: boolean;
}

/** The drive that will hold the bytes, when the caller may write there. */
async function driveOf(deps: UploadDeps, caller: Caller, target: UploadTarget): Promise<string> {
  const at = target.kind === "file" ? target.parent_id : target.file_id;
  if (target.kind === "file") parseName(target.name);
  const { file } = await requireRight(deps.rights, caller.principal, at, "edit");
  return file.drive_id;
}

interface Opened {
  size: number | null;
  multipart: string | null;
  object_key: string;
  declared_hash: string | null;
}

/** Reserves quota and leaves the row that the sweep finds, before the first byte. */
async function reserve(
  deps: UploadDeps,
  caller: Caller,
  drive_id: string,
  target: UploadTarget,
  opened: Opened,
): Promise<UploadRow> {
  const now = deps.now();
  const upload: UploadRow = {
    tenant_id: deps.tenant_id,
    upload_id: newId(deps.tenant_id, now),
    drive_id,
    state: "open",
    target,
    size: opened.size,
    reserved_bytes: opened.size ?? 0,
    declared_hash: opened.declared_hash,
    object_key: opened.object_key,
    r2_upload_id: opened.multipart,
    part_size: partSizeFor(opened.size ?? 0),
    created_by: caller.actor.user_id,
    device_id: caller.actor.device_id,
    file_id: null,
    created_at: now,
    expires_at: now + SESSION_TTL,
  };
  // The session has an operation of its own: the caller's `op_id` is the commit's.
  const op_id = `reserve:${upload.upload_id}`;
  await deps.submit(drive_id, { command: { op: "reserve_upload", upload }, actor: caller.actor, op_id });
  return upload;
}

const objectKey = (deps: UploadDeps): string => `${deps.tenant_id}/${crypto.randomUUID()}`;

export type Started = { instant: true; file: FileRow } | { instant: false; upload: UploadRow };

/** Opens a session, or makes the file at once from content that the caller can read already. */
export async function startUpload(
  deps: UploadDeps,
  caller: Caller,
  target: UploadTarget,
  size: number,
  declared_hash: string | null,
): Promise<Started> {
  requireSize(size);
  const drive_id = await driveOf(deps, caller, target);
  const instant = declared_hash === null ? null : await fromKnown(deps, caller, drive_id, target, declared_hash, size);
  if (instant !== null) return { instant: true, file: instant };
  await deps.spend(1, size);
  const object_key = objectKey(deps);
  const multipart = size === 0 ? null : await deps.objects.createMultipart(object_key);
  try {
    return {
      instant: false,
      upload: await reserve(deps, caller, drive_id, target, { size, multipart, object_key, declared_hash }),
    };
  } catch (error) {
    if (multipart !== null) await deps.objects.abortMultipart(object_key, multipart).catch(() => undefined);
    throw error;
  }
}

/** Knowing a hash never gives access: only what the caller can read already is used. */
async function fromKnown(
  deps: UploadDeps,
  caller: Caller,
  drive_id: string,
  target: UploadTarget,
  hash: string,
  size: number,
): Promise<FileRow | null> {
  for (const candidate of await deps.uploads.withContent(drive_id, hash, size)) {
    const readable = await requireRight(deps.rights, caller.principal, candidate.file_id, "view").catch(
      (error: unknown) => {
        if (error instanceof DriveError) return null;
        throw error;
      },
    );
    if (readable === null) continue;
    const command = { op: "create_from", source_file_id: candidate.file_id, target } as const;
    const outcome = await deps.submit(drive_id, { command, actor: caller.actor, op_id: caller.op_id });
    return outcome.file as FileRow;
  }
  return null;
}

/** One request with the whole body, of any length, known or not. */
export async function storeWhole(
  deps: UploadDeps,
  caller: Caller,
  target: UploadTarget,
  body: ReadableStream<Uint8Array>,
  size: number | null,
): Promise<FileRow> {
  if (size !== null) requireSize(size);
  const drive_id = await driveOf(deps, caller, target);
  const made = caller.may_repeat ? await deps.uploads.madeBy(drive_id, caller.op_id) : null;
  if (made !== null) {
    requireSameRequest(made, { op: "commit_upload", target });
    await deps.bytes.discard(body);
    return made.file;
  }
  await deps.spend(1, size ?? 0);
  const object_key = objectKey(deps);
  const upload = await reserve(deps, caller, drive_id, target, {
    size,
    multipart: null,
    object_key,
    declared_hash: null,
  });
  try {
    const stored = await writeContent(deps.objects, deps.bytes, object_key, body, FILE_MAX_BYTES);
    if (size === null) await deps.spend(0, stored.size);
    return await commit(deps, caller, upload, {
      ...stored,
      content_id: newId(deps.tenant_id, deps.now()),
      integrity: "ok",
    });
  } catch (error) {
    await discard(deps, caller, upload);
    throw error;
  }
}

async function commit(deps: UploadDeps, caller: Caller, upload: UploadRow, content: StoredContent): Promise<FileRow> {
  const { upload_id, target, drive_id } = upload;
  const command = { op: "commit_upload", upload_id, target, content } as const;
  const outcome = await deps.submit(drive_id, { command, actor: caller.actor, op_id: caller.op_id });
  return outcome.file as FileRow;
}

/**
 * Gives the reservation back. Bytes may go only when the release went through: a commit whose answer was lost has
 * made them visible, and then the release is refused. What stays behind is the sweep's.
 */
async function discard(deps: UploadDeps, caller: Caller, upload: UploadRow): Promise<void> {
  try {
    await release(deps, caller, upload);
    await deps.objects.delete([upload.object_key]);
  } catch {
    // The error that led here is the one to tell; the row expires.
  }
}

async function release(deps: UploadDeps, caller: Caller, upload: UploadRow): Promise<void> {
  const command = { op: "release_upload", upload_id: upload.upload_id } as const;
  await deps.submit(upload.drive_id, { command, actor: caller.actor, op_id: `release:${upload.upload_id}` });
}

export interface Session {
  upload: UploadRow;
  chunks: ChunkRow[];
}

export const UNKNOWN_UPLOAD = "There is no such upload.";

/** A session belongs to who opened it: to others it does not exist. */
export async function findSession(deps: UploadDeps, caller: Caller, upload_id: string): Promise<Session> {
  const session = await deps.uploads.find(upload_id);
  if (session === null || session.upload.created_by !== caller.actor.user_id || session.upload.size === null)
    throw new DriveError("unknown_upload", UNKNOWN_UPLOAD);
  return session;
}

function requireOpen({ upload }: Session, now: number): void {
  if (upload.state === "aborted") throw new DriveError("unknown_upload", "This upload was cancelled.");
  if (upload.state === "committed")
    throw new DriveError("upload_completed", "This upload is complete already.", { file_id: upload.file_id });
  if (upload.expires_at <= now) throw new DriveError("upload_expired", "This upload has expired; please start again.");
}

/** @returns bytes received in all */
export async function putChunk(
  deps: UploadDeps,
  caller: Caller,
  chunk: { upload_id: string; index: number; chunk_id: string },
  body: ReadableStream<Uint8Array> | null,
  length: number | null,
): Promise<number> {
  const session = await findSession(deps, caller, chunk.upload_id);
  requireOpen(session, deps.now());
  return receiveChunk(deps, session, chunk, body, length);
}

/** All chunks, in the order of the file. Makes the file visible. */
export async function completeUpload(
  deps: UploadDeps,
  caller: Caller,
  upload_id: string,
  chunks: string[],
): Promise<FileRow> {
  const session = await findSession(deps, caller, upload_id);
  const { upload } = session;
  if (upload.state === "committed") {
    const made = await deps.uploads.madeBy(upload.drive_id, caller.op_id);
    if (made !== null && made.file.file_id === upload.file_id) return made.file;
  }
  requireOpen(session, deps.now());
  const assembled = assemble(session, chunks);
  if (upload.r2_upload_id !== null) {
    try {
      await deps.objects.completeMultipart(upload.object_key, upload.r2_upload_id, assembled.parts);
    } catch (error) {
      if (!(error instanceof PartsRejected)) throw error;
      // Two tries of one part crossed: what was recorded is not what is stored. Only sending again mends it.
      await deps.uploads.forgetChunks(upload_id);
      throw new DriveError("missing_chunks", "Some chunks must be sent again.", { missing: [...new Set(chunks)] });
    }
  }
  const whole = await knownHash(deps, upload, chunks);
  const differs = whole !== null && upload.declared_hash !== null && whole !== upload.declared_hash;
  return commit(deps, caller, upload, {
    content_id: newId(deps.tenant_id, deps.now()),
    content_hash: whole,
    size: upload.size as number,
    manifest: formatManifest(assembled.extents),
    integrity: differs ? "declared_hash_mismatch" : whole === null ? "pending" : "ok",
  });
}

/** The hash of the whole is the server's own: known at once when there is one chunk, or none. */
async function knownHash(deps: UploadDeps, upload: UploadRow, chunks: string[]): Promise<string | null> {
  if (upload.size === 0) return deps.bytes.hasher().digest();
  return chunks.length === 1 ? (chunks[0] as string) : null;
}

export async function abortUpload(deps: UploadDeps, caller: Caller, upload_id: string): Promise<void> {
  const { upload } = await findSession(deps, caller, upload_id);
  await release(deps, caller, upload);
  if (upload.r2_upload_id !== null) await deps.objects.abortMultipart(upload.object_key, upload.r2_upload_id);
}
