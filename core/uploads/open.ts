/** How an upload begins: a row that the sweep finds, before the first byte. docs/spec/uploads.md, U1; quota.md, Q2. */
import { type BlockBits, chooseBits } from "../blocks/classes.ts";
import { nameTaken, parseName } from "../files/names.ts";
import { parseText } from "../manifests/root.ts";
import { DriveError } from "../protocol/errors.ts";
import { noSpace } from "../quota/space.ts";
import { requireVersion } from "./bases.ts";
import type { FileUpload, UploadRow } from "./model.ts";
import { partSizeFor, SESSION_TTL } from "./parts.ts";
import type { UploadDeps } from "./ports.ts";
import type { Caller } from "./service.ts";

/** A session that nobody knows of yet, with its whole size to be reserved. */
export async function newUpload(
  deps: UploadDeps,
  caller: Caller,
  begun: Pick<FileUpload, "upload_id" | "drive_id" | "target" | "size" | "declared_hash" | "base">,
): Promise<FileUpload> {
  const now = deps.now();
  const { size } = begun;
  const parent = await parentBits(deps, caller, begun);
  return {
    ...begun,
    tenant_id: deps.tenant_id,
    state: "open",
    reserved_bytes: size ?? 0,
    part_size: partSizeFor(size ?? 0),
    block_bits: chooseBits(size, parent),
    created_by: caller.actor.user_id,
    device_id: caller.actor.device_id,
    file_id: null,
    created_at: now,
    expires_at: now + SESSION_TTL,
  };
}

/** The class to keep: of the base, else of the version before (B5). Throws `base_mismatch`. */
async function parentBits(
  deps: UploadDeps,
  caller: Caller,
  { base, target }: Pick<FileUpload, "base" | "target">,
): Promise<BlockBits | null> {
  if (base !== null) return (await parseText((await requireVersion(deps, caller.principal, base)).manifest)).bits;
  return target.kind === "version" ? deps.uploads.blockBits(target.file_id) : null;
}

/**
 * Opens a session by the drive's hub, which reserves its quota.
 * @param is_found a repeat of the request finds this session again: its id comes from the key
 */
export async function reserve(deps: UploadDeps, caller: Caller, upload: FileUpload, is_found: boolean): Promise<void> {
  // The session has an operation of its own: the caller's `op_id` is the commit's.
  const op_id = `reserve:${upload.upload_id}`;
  try {
    await deps.submit(upload.drive_id, { command: { op: "reserve_upload", upload }, actor: caller.actor, op_id });
  } catch (error) {
    // An answer that was lost may have reserved; a refusal has not.
    const isLost = !(error instanceof DriveError) || error.code === "unavailable";
    if (isLost && !is_found) await release(deps, caller, upload).catch(() => undefined);
    throw error;
  }
}

/**
 * Opens the session of one request: reserves nothing, so it takes no turn in the drive's order. What it is refused for
 * is what the commit would refuse, told before a byte is taken.
 * @param needed bytes by which the drive grows
 */
export async function stage(deps: UploadDeps, upload: UploadRow, needed: number): Promise<void> {
  const { is_staged, free_bytes, holder } = await deps.uploads.stage({ ...upload, reserved_bytes: 0 }, needed);
  if (is_staged) return;
  const { target } = upload;
  if (holder !== null && target?.kind === "file") throw nameTaken(parseName(target.name), holder);
  if (free_bytes !== null && needed > free_bytes) throw noSpace(needed, free_bytes);
  throw new DriveError("unavailable", "The drive did not answer; try again.");
}

/** Ends a session without a file. Refused when it has one. */
export async function release(deps: UploadDeps, caller: Caller, upload: UploadRow): Promise<void> {
  const command = { op: "release_upload", upload_id: upload.upload_id } as const;
  await deps.submit(upload.drive_id, { command, actor: caller.actor, op_id: `release:${upload.upload_id}` });
}
