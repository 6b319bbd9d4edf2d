/** Uploads of every kind end in one commit of the drive's hub. docs/spec/uploads.md, U1 to U14. */
import { DriveError } from "../protocol/errors.ts";
import { idOfKey, newId } from "../protocol/ids.ts";
import type { AskedBlock, Negotiated, Segment } from "../protocol/uploads.ts";
import type { FileRow } from "../files/model.ts";
import { parseName } from "../files/names.ts";
import { canView, type Principal, requireRight } from "../sharing/rights.ts";
import { HookSampler } from "../manifests/hooks.ts";
import { packKey } from "../packs/format.ts";
import { PACK_MAX } from "../packs/writer.ts";
import { BODY_PIECE, counted, PackSeries, writeBlocks, writeRoot } from "../storage/write.ts";
import { type Actor, madeBy, type StoredContent } from "../sync/commands.ts";
import { keyReused, requireSameRequest } from "../sync/replay.ts";
import { receiveChunk, type WantedChunk } from "./chunks.ts";
import type { FileUpload, ReceivedChunk, UploadRow, UploadTarget, VersionRef } from "./model.ts";
import { negotiate } from "./negotiate.ts";
import { newUpload, release, reserve, stage } from "./open.ts";
import { FILE_MAX_BYTES, requireSize, tooLarge } from "./parts.ts";
import { requirePlace, requireSeen } from "./place.ts";
import { assemble } from "./segments.ts";
import type { Made, UploadDeps } from "./ports.ts";
import { DAY } from "../time.ts";

export interface Caller {
  principal: Extract<Principal, { kind: "user" }>;
  actor: Actor;
  op_id: string;
  /** The client chose `op_id`: an earlier try may have committed it. */
  may_repeat: boolean;
}

/** Where the bytes will lie, when the caller may write there. */
async function placeOf(deps: UploadDeps, caller: Caller, target: UploadTarget): Promise<FileRow> {
  const at = target.kind === "file" ? target.parent_id : target.file_id;
  if (target.kind === "file") parseName(target.name);
  // What a sync client changes may come back from the trash by it: whether it does is the hub's to say.
  const allowTrashed = target.base !== undefined;
  return (await requireRight(deps.rights, caller.principal, at, "edit", { allowTrashed })).file;
}

export type Started = { instant: true; file: FileRow } | { instant: false; upload: UploadRow };

/** Opens a session, or makes the file at once from content that the caller can read already. */
export async function startUpload(
  deps: UploadDeps,
  caller: Caller,
  target: UploadTarget,
  size: number,
  declared_hash: string | null,
  base: VersionRef | null = null,
): Promise<Started> {
  requireSize(size);
  const { drive_id } = await placeOf(deps, caller, target);
  const [upload_id, before] = await sessionIds(deps, caller);
  for (const id of caller.may_repeat ? [upload_id, before] : []) {
    const earlier = await deps.uploads.find(id);
    if (earlier !== null)
      return { instant: false, upload: sameStart(deps, earlier, { target, size, declared_hash, base }) };
  }
  const instant = declared_hash === null ? null : await fromKnown(deps, caller, drive_id, target, declared_hash, size);
  if (instant !== null) return { instant: true, file: instant };
  await deps.spend(1, size);
  const upload = await newUpload(deps, caller, { upload_id, drive_id, target, size, declared_hash, base });
  await reserve(deps, caller, upload, caller.may_repeat);
  return { instant: false, upload };
}

/**
 * The id that a start has today, and had yesterday. It comes from the key, so that a repeat finds its session, and from
 * the day, so that no id is given again once its row is forgotten (a day and more after the start): the packs of what
 * was committed under it bear its name.
 */
async function sessionIds(deps: UploadDeps, caller: Caller): Promise<[today: string, yesterday: string]> {
  const now = deps.now();
  const of = (day: number): Promise<string> => idOfKey(deps.tenant_id, `${caller.op_id}/${day}`);
  if (!caller.may_repeat) return [newId(deps.tenant_id, now), ""];
  const day = Math.floor(now / DAY);
  return Promise.all([of(day), of(day - 1)]);
}

/** The session that an earlier try of this start opened. */
function sameStart(
  deps: UploadDeps,
  earlier: { upload: UploadRow },
  asked: Pick<UploadRow, "target" | "size" | "declared_hash" | "base">,
): UploadRow {
  // Both were made by the same code, so equal ones are equal as text.
  const textOf = ({ target, size, declared_hash, base }: typeof asked): string =>
    JSON.stringify([target, size, declared_hash, base]);
  if (textOf(earlier.upload) !== textOf(asked)) throw keyReused();
  requireOpen(earlier, deps.now());
  return earlier.upload;
}

/** Knowing a hash never gives access: only what the caller can read already is used. */
async function fromKnown(
  deps: UploadDeps,
  caller: Caller,
  drive_id: string,
  target: UploadTarget,
  content_hash: string,
  size: number,
): Promise<FileRow | null> {
  const { principal, actor, op_id } = caller;
  const candidates = await deps.uploads.withContent(principal.user_id, drive_id, content_hash, size);
  const known = candidates.find((access) => canView(principal, access));
  if (known === undefined) return null;
  const content = { content_id: known.file.content_id as string, content_hash, size };
  try {
    const command = { op: "create_known", content, target } as const;
    return madeBy(await deps.submit(drive_id, { command, actor, op_id }));
  } catch (error) {
    // The content has gone meanwhile: the bytes must be sent.
    if (error instanceof DriveError && error.code === "base_mismatch") return null;
    throw error;
  }
}

const madeBefore = async ({ uploads }: UploadDeps, { op_id }: Caller, drive_id: string): Promise<Made | undefined> =>
  (await uploads.madeBy(drive_id, [op_id])).get(op_id);

/** One request with the whole body, of any length, known or not. */
export async function storeWhole(
  deps: UploadDeps,
  caller: Caller,
  target: UploadTarget,
  body: ReadableStream<Uint8Array>,
  size: number | null,
): Promise<FileRow> {
  if (size !== null) requireSize(size);
  const place = await placeOf(deps, caller, target);
  const { drive_id } = place;
  const made = caller.may_repeat ? await madeBefore(deps, caller, drive_id) : undefined;
  if (made !== undefined) {
    requireSameRequest(made, { op: "commit_upload", target, content: { size } });
    await requireSeen(deps.rights, caller.principal, made.file, target);
    await deps.bytes.discard(body);
    return made.file;
  }
  requirePlace(place, target);
  await deps.spend(1, size ?? 0);
  const upload_id = newId(deps.tenant_id, deps.now());
  const begun = { upload_id, drive_id, target, size, declared_hash: null, base: null };
  // It takes no chunks.
  const upload: FileUpload = { ...(await newUpload(deps, caller, begun)), part_size: 0 };
  const before = target.kind === "version" ? place.size : 0;
  const needed = Math.max(0, (size ?? 0) - before);
  await (size !== null && size > PACK_MAX ? reserve(deps, caller, upload, false) : stage(deps, upload, needed));
  const series = new PackSeries(deps.engine, deps.tenant_id, upload.upload_id);
  try {
    const stored = await storeContent(deps, series, upload, body);
    if (size === null) await deps.spend(0, stored.size);
    const { file, replayed } = await commit(deps, caller, upload, stored);
    // Another try of the same request was first, or these bytes were there: what was reserved and stored is not needed.
    if (replayed || file.content_id !== stored.content_id) await discard(deps, caller, upload, series);
    return file;
  } catch (error) {
    await discard(deps, caller, upload, series);
    throw error;
  }
}

async function storeContent(
  deps: UploadDeps,
  series: PackSeries,
  { size, block_bits: bits }: UploadRow,
  body: ReadableStream<Uint8Array>,
): Promise<StoredContent> {
  const hasher = deps.bytes.hasher();
  const sampler = new HookSampler(bits);
  const pieces = counted(deps.bytes.pieces(body, BODY_PIECE), hasher, FILE_MAX_BYTES, tooLarge);
  const root = await writeBlocks(series, pieces, { bits, size, whole: true, sampler });
  return {
    content_id: newId(deps.tenant_id, deps.now()),
    content_hash: await hasher.digest(),
    size: root.size,
    manifest: await writeRoot(series, root),
    packs: series.finished,
    borrowed: [],
    hooks: sampler.hooks,
    integrity: "ok",
  };
}

async function commit(
  deps: UploadDeps,
  caller: Caller,
  upload: FileUpload,
  content: StoredContent,
): Promise<{ file: FileRow; replayed: boolean }> {
  const { upload_id, target, drive_id } = upload;
  const command = { op: "commit_upload", upload_id, target, content } as const;
  const outcome = await deps.submit(drive_id, { command, actor: caller.actor, op_id: caller.op_id });
  return { file: madeBy(outcome) as FileRow, replayed: outcome.replayed };
}

/**
 * Gives the reservation back. Bytes may go only when the release went through: a commit whose answer was lost has
 * made them visible, and then the release is refused. What stays behind is the sweep's.
 */
async function discard(deps: UploadDeps, caller: Caller, upload: UploadRow, series: PackSeries): Promise<void> {
  try {
    await release(deps, caller, upload);
    await series.remove();
  } catch {
    // The error that led here is the one to tell; the row expires.
  }
}

export interface Session {
  upload: FileUpload;
  chunks: ReceivedChunk[];
}

export const UNKNOWN_UPLOAD = "There is no such upload.";

/** A session belongs to who opened it: to others it does not exist. */
export async function findSession(deps: UploadDeps, caller: Caller, upload_id: string): Promise<Session> {
  const session = await deps.uploads.find(upload_id);
  const target = session?.upload.target ?? null;
  if (session === null || session.upload.created_by !== caller.actor.user_id || session.upload.size === null || !target)
    throw new DriveError("unknown_upload", UNKNOWN_UPLOAD);
  return { ...session, upload: { ...session.upload, target } };
}

function requireOpen({ upload }: { upload: UploadRow }, now: number): void {
  if (upload.state === "aborted") throw new DriveError("unknown_upload", "This upload was cancelled.");
  if (upload.state === "committed")
    throw new DriveError("upload_completed", "This upload is complete already.", { file_id: upload.file_id });
  if (upload.expires_at <= now) throw new DriveError("upload_expired", "This upload has expired; please start again.");
}

/** @returns bytes received in all */
export async function putChunk(
  deps: UploadDeps,
  caller: Caller,
  chunk: WantedChunk & { upload_id: string },
  body: ReadableStream<Uint8Array> | null,
  length: number | null,
): Promise<number> {
  const session = await findSession(deps, caller, chunk.upload_id);
  await placeOf(deps, caller, session.upload.target);
  requireOpen(session, deps.now());
  return receiveChunk(deps, caller.principal, session, chunk, body, length);
}

/** Throws when the session is not the caller's, or not open. */
export async function negotiateBlocks(
  deps: UploadDeps,
  caller: Caller,
  upload_id: string,
  blocks: readonly AskedBlock[],
  bases: readonly VersionRef[],
): Promise<Negotiated> {
  const session = await findSession(deps, caller, upload_id);
  requireOpen(session, deps.now());
  return negotiate(deps, caller.principal, session.upload, blocks, bases);
}

/** Makes the file visible. @param segments in the order of the file */
export async function completeUpload(
  deps: UploadDeps,
  caller: Caller,
  upload_id: string,
  segments: readonly Segment[],
): Promise<FileRow> {
  const session = await findSession(deps, caller, upload_id);
  const { upload } = session;
  // One that ended with a file although nothing of it was taken: the same bytes were there (CF2).
  if (upload.file_id !== null) {
    const made = await madeBefore(deps, caller, upload.drive_id);
    if (made?.file.file_id === upload.file_id) {
      await requireRight(deps.rights, caller.principal, made.file.file_id, "view", { allowTrashed: true });
      return made.file;
    }
  }
  // A session lives for a day; the right to write may have ended since it was opened.
  await placeOf(deps, caller, upload.target);
  requireOpen(session, deps.now());
  const chunks = await deps.uploads.chunks(upload_id);
  const { root, packs, borrowed, hooks, whole } = await assemble(deps, caller.principal, upload, chunks, segments);
  // A long root needs a pack of its own; one that no commit takes is the sweep's.
  const series = new PackSeries(deps.engine, deps.tenant_id, upload_id);
  // The hash of the whole is the server's own: known at once when there is one chunk, or none.
  const hash =
    upload.size === 0 ? await deps.bytes.hasher().digest() : (whole?.content_hash ?? whole?.chunk_id ?? null);
  const differs = hash !== null && upload.declared_hash !== null && hash !== upload.declared_hash;
  const manifest = await writeRoot(series, root).catch(async (error: unknown) => {
    await series.remove();
    throw error;
  });
  const { file, replayed } = await commit(deps, caller, upload, {
    content_id: newId(deps.tenant_id, deps.now()),
    content_hash: hash,
    size: root.size,
    manifest,
    packs: [...packs, ...series.finished],
    borrowed,
    hooks,
    integrity: differs ? "declared_hash_mismatch" : hash === null ? "pending" : "ok",
  });
  if (replayed) await requireCommitted(deps, upload_id, file);
  return file;
}

/** A key that has made a file from another session did not make it from this one, whose bytes would be lost. */
async function requireCommitted({ uploads }: UploadDeps, upload_id: string, file: FileRow): Promise<void> {
  const now = (await uploads.find(upload_id))?.upload;
  if (now === undefined || now.state === "open" || now.file_id !== file.file_id) throw keyReused();
}

export async function abortUpload(deps: UploadDeps, caller: Caller, upload_id: string): Promise<void> {
  const { upload } = await findSession(deps, caller, upload_id);
  await release(deps, caller, upload);
  const keys = (await deps.uploads.chunks(upload_id)).map(({ pack_id }) => packKey(deps.tenant_id, pack_id));
  // The sweep looks again: a chunk may be on its way right now.
  if (keys.length > 0) await deps.engine.objects.delete(keys).catch(() => undefined);
}
