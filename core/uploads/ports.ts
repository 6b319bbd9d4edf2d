import type { RightsStore } from "../sharing/rights.ts";
import type { Bytes, ObjectStore } from "../storage/ports.ts";
import type { Outcome, Submission } from "../sync/commands.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { FileRow, JournalRow } from "../files/model.ts";
import type { ChunkRow, UploadRow } from "./model.ts";

export interface UploadStore {
  find(upload_id: string): Promise<{ upload: UploadRow; chunks: ChunkRow[] } | null>;
  /** Records a verified chunk, replacing an earlier one at its index. False when the session is not open any more. */
  putChunk(chunk: ChunkRow): Promise<boolean>;
  /** The session's chunks count as missing again. */
  forgetChunks(upload_id: string): Promise<void>;
  /** Living files of the drive whose current content has this verified hash: candidates for an instant upload. */
  withContent(drive_id: string, content_hash: string, size: number): Promise<FileRow[]>;
  /** What an earlier try of an operation made. */
  madeBy(
    drive_id: string,
    op_id: string,
  ): Promise<{ entry: Pick<JournalRow, "op" | "at" | "file_id">; file: FileRow } | null>;
}

/** Everything an upload touches, in the tenant where the file will lie. */
export interface UploadDeps {
  tenant_id: TenantId;
  rights: RightsStore;
  uploads: UploadStore;
  objects: ObjectStore;
  bytes: Bytes;
  /** Throws the `DriveError` of a refused command. */
  submit(drive_id: string, submission: Submission): Promise<Outcome>;
  now(): number;
  /** Takes from the caller's hourly budgets or throws `rate_limited`. */
  spend(uploads: number, bytes: number): Promise<void>;
}
