import type { Access, Principal, RightsStore } from "../sharing/rights.ts";
import type { BlockBits } from "../blocks/classes.ts";
import type { Engine } from "../storage/engine.ts";
import type { Bytes } from "../storage/ports.ts";
import type { Outcome, Submission } from "../sync/commands.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { FileRow, JournalRow } from "../files/model.ts";
import type { ChunkRow, ReceivedChunk, UploadRow, VersionRef } from "./model.ts";

/** A version with where its bytes lie, and what decides who may read it. */
export interface StoredVersion extends VersionRef {
  size: number;
  content_hash: string | null;
  manifest: string;
  access: Access;
}

/** What became of `stage`, and what decided it. */
export interface Staged {
  is_staged: boolean;
  /** Bytes that the drive has left, 0 at least; null when there is no such drive. */
  free_bytes: number | null;
  /** Who has the name that the new file was to get. */
  holder: Pick<FileRow, "file_id" | "name"> | null;
}

export interface Made {
  entry: Pick<JournalRow, "op" | "at" | "file_id" | "version_id" | "conflict_of">;
  file: FileRow;
  /** The file that this one was made a conflict copy of. */
  original: FileRow | null;
}

export interface UploadStore {
  /**
   * Inserts the row of an upload of one request, in one round trip, if the tenant is active in this shard, the drive has
   * `needed` bytes left, and the name is free (where the target says `fail`).
   */
  stage(upload: UploadRow, needed: number): Promise<Staged>;
  find(upload_id: string): Promise<{ upload: UploadRow; chunks: ReceivedChunk[] } | null>;
  /** The session's chunks with where they lie. */
  chunks(upload_id: string): Promise<ChunkRow[]>;
  /** Records a verified chunk; a repeat changes nothing. False when the session is not open any more. */
  putChunk(chunk: ChunkRow): Promise<boolean>;
  /** Records at another index a chunk that has arrived. */
  repeatChunk(upload_id: string, chunk_id: string, chunk_index: number): Promise<void>;
  /** Class of the blocks of a file's current content; null when there is none. */
  blockBits(file_id: string): Promise<BlockBits | null>;
  /**
   * Versions of this tenant, each with the principal's access to its file, in one look; unknown ones are missing.
   * @param refs some hundreds at most
   */
  versions(principal: Principal, refs: readonly VersionRef[]): Promise<StoredVersion[]>;
  /**
   * Versions of this drive whose contents have some of these hooks, the most first; some tens at most, in the trash or not.
   * @param hooks some thousands at most
   */
  hooked(drive_id: string, hooks: readonly string[]): Promise<VersionRef[]>;
  /**
   * Files whose current content has this verified hash, with what the user holds on them: candidates for an instant
   * upload, some of them, of this drive and of those of the tenant that the user knows. One query, whoever has them.
   */
  withContent(user_id: string, drive_id: string, content_hash: string, size: number): Promise<Access[]>;
  /** What earlier tries of operations made, by `op_id`; a file that is gone since is missing. */
  madeBy(drive_id: string, op_ids: readonly string[]): Promise<Map<string, Made>>;
}

/** Everything an upload touches, in the tenant where the file will lie. */
export interface UploadDeps {
  tenant_id: TenantId;
  rights: RightsStore;
  uploads: UploadStore;
  engine: Engine;
  bytes: Bytes;
  /** Throws the `DriveError` of a refused command. */
  submit(drive_id: string, submission: Submission): Promise<Outcome>;
  now(): number;
  /** Takes from the caller's hourly budgets or throws `rate_limited`. */
  spend(uploads: number, bytes: number): Promise<void>;
}
