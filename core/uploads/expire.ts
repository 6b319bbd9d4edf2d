/**
 * The end of upload sessions. docs/spec/events.md, E10 to E12.
 *
 *   open, past its time      -> release through the hub (state `aborted`, quota back)
 *   aborted, past its time   -> delete all packs that bear its name, forget the row
 *   committed, past its time -> delete the packs that no commit took, forget the row
 *
 * The hub orders release and commit, so no pack goes that a committed content refers to. An R2 multipart upload that
 * was never completed shows in no list; R2 itself ends it after seven days. Each step can be repeated, and the row goes last: a crash anywhere leaves what the next
 * sweep finds.
 */
import { packKey, packPrefix } from "../packs/format.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { ObjectStore } from "../storage/ports.ts";
import type { Result, Submission } from "../sync/commands.ts";
import type { UploadRow } from "./model.ts";

/** A request that began just before its session expired may still be writing: its object is looked for later. */
const GRACE = 60 * 60 * 1000;

export interface UploadKey {
  tenant_id: TenantId;
  upload_id: string;
}

export interface ExpiryStore {
  /** A page of sessions with `expires_at` up to `before`, behind `after`, by key; empty at the end. */
  expired(open: boolean, before: number, after: UploadKey | null): Promise<UploadRow[]>;
  /**
   * Aborts an open session of a tenant that is deleted: its hubs change nothing any more.
   * @returns false when there was nothing of the kind
   */
  abandon(key: UploadKey): Promise<boolean>;
  /** The packs of that name which a commit took. */
  takenPacks(key: UploadKey): Promise<Set<string>>;
  /** Deletes the session and its chunks, unless it is open. */
  forget(key: UploadKey): Promise<void>;
}

export interface ExpiryDeps {
  store: ExpiryStore;
  objects: Pick<ObjectStore, "list" | "delete">;
  submit(drive_id: string, submission: Submission): Promise<Result>;
  now(): number;
  /** A session that could not be ended; the next sweep tries again. */
  report(upload: UploadRow, error: unknown): void;
}

export async function expireUploads(deps: ExpiryDeps): Promise<void> {
  await each(deps, true, deps.now(), (upload) => release(deps, upload));
  await each(deps, false, deps.now() - GRACE, (upload) => finish(deps, upload));
}

/** One session that fails holds up none of the others. */
async function each(
  deps: ExpiryDeps,
  open: boolean,
  before: number,
  end: (upload: UploadRow) => Promise<void>,
): Promise<void> {
  let after: UploadKey | null = null;
  for (;;) {
    const page: UploadRow[] = await deps.store.expired(open, before, after);
    for (const upload of page) await end(upload).catch((error: unknown) => deps.report(upload, error));
    after = page.at(-1) ?? null;
    if (after === null) return;
  }
}

async function release(deps: ExpiryDeps, upload: UploadRow): Promise<void> {
  const { upload_id, drive_id, created_by } = upload;
  const result = await deps.submit(drive_id, {
    command: { op: "release_upload", upload_id },
    actor: { user_id: created_by, device_id: null },
    op_id: `release:${upload_id}`,
  });
  // Closed meanwhile by its owner: the other half of the sweep has it then.
  if (result.ok || result.failure.code === "upload_completed" || result.failure.code === "unknown_upload") return;
  if (!(await deps.store.abandon(upload))) throw new Error(result.failure.code);
}

async function finish(deps: ExpiryDeps, upload: UploadRow): Promise<void> {
  // A committed upload of one request and one file has no strays: all that it stored was committed, or removed. One of
  // chunks may have some of those, and of roots of completions that were refused.
  const { state, target, part_size } = upload;
  if (state === "aborted" || target === null || part_size > 0) {
    const { tenant_id, upload_id } = upload;
    // Whatever the row says: a pack that some commit took is never a stray.
    const taken = await deps.store.takenPacks(upload);
    const kept = new Set([...taken].map((pack_id) => packKey(tenant_id, pack_id)));
    const keys = await deps.objects.list(packKey(tenant_id, packPrefix(upload_id)));
    const strays = keys.filter((key) => !kept.has(key));
    if (strays.length > 0) await deps.objects.delete(strays);
  }
  await deps.store.forget(upload);
}
