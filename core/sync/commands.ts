/** What a drive's hub can be asked to do. Rights were checked before; the hub checks all that depends on order. */
import type { ConflictPolicy, Metadata } from "../protocol/files.ts";
import type { Failure } from "../protocol/errors.ts";
import type { FileRow, Integrity, PermissionRow, Vector } from "../files/model.ts";
import type { Hooks } from "../manifests/hooks.ts";
import type { FinishedPack } from "../packs/writer.ts";
import type { FileUpload, UploadRow, UploadTarget } from "../uploads/model.ts";

export interface Actor {
  user_id: string;
  device_id: string | null;
  /** What people call the device; null where there is none. Conflict copies bear it (CF10). */
  device_name?: string | null;
}

/** Bytes that lie in the object store, verified, not yet visible. */
export interface StoredContent {
  content_id: string;
  content_hash: string | null;
  size: number;
  manifest: string;
  /** The packs that it brings along. */
  packs: FinishedPack[];
  /** Ids of the packs that it needs beside them: blocks of contents that are there (docs/spec/uploads.md, U19). */
  borrowed: string[];
  /** Blocks that it is found by (docs/spec/storage.md, M10). */
  hooks: Hooks;
  integrity: Integrity;
}

/** Bytes that are verified and visible somewhere in the tenant. */
export interface KnownContent {
  content_id: string;
  content_hash: string;
  size: number;
}

export type Command =
  | { op: "reserve_upload"; upload: FileUpload }
  | { op: "release_upload"; upload_id: string }
  /** `target` is the session's own; it only says what to read, the stored session decides. */
  | { op: "commit_upload"; upload_id: string; target: UploadTarget; content: StoredContent }
  /** One file of a batch, whose session stays open for the others. */
  | { op: "commit_content"; upload_id: string; target: UploadTarget; content: StoredContent }
  /** Ends the session of a batch: `committed` when a content of it was, else `aborted`. */
  | { op: "close_upload"; upload_id: string }
  /** A file or version of bytes that another file of the drive has. */
  | { op: "create_from"; source_file_id: string; target: UploadTarget }
  /** The same of verified bytes that any drive of the tenant has; that the caller can read them was checked. */
  | { op: "create_known"; content: KnownContent; target: UploadTarget }
  /** The hash that was read back of a content of this drive: docs/spec/storage.md, S5. */
  | { op: "verify_content"; content_id: string; content_hash: string; integrity: Exclude<Integrity, "pending"> }
  /** Its bytes can be read again: docs/spec/tiers.md, TI19. */
  | { op: "announce_unarchived"; file_id: string }
  | { op: "copy_tree"; file_id: string; parent_id: string; name: string }
  | {
      op: "create_folder";
      parent_id: string;
      name: string;
      on_name_conflict: "fail" | "rename";
      /** A batch's, made from its `op_id`, so that later changes of the batch can name it. */
      file_id?: string;
      base?: Vector | undefined;
    }
  | {
      op: "update";
      file_id: string;
      name?: string | undefined;
      parent_id?: string | undefined;
      metadata?: Metadata | undefined;
      conflict_policy?: ConflictPolicy | null | undefined;
      if_version_id?: string | undefined;
      base?: Vector | undefined;
      /** Where the file was when rights were checked. A guess: right, it saves the hub its second read. */
      seen?: { parent_id: string | null; name: string } | undefined;
    }
  | {
      op: "trash";
      file_id: string;
      base?: Vector | undefined;
      /** The drive's sequence number that the device had reached, for a folder (CF6). */
      seen?: number | undefined;
    }
  | { op: "untrash"; file_id: string; base?: Vector | undefined }
  /** With `trashed_before` only what has been in the trash since then or longer: a sweep's. */
  | { op: "purge"; file_id: string; trashed_before?: number | undefined }
  | { op: "restore_version"; file_id: string; version_id: string }
  | { op: "purge_version"; file_id: string; version_id: string }
  /** The oldest versions up to this number, `PURGE_MAX` at most; never the current one. */
  | { op: "purge_versions"; file_id: string; through: number }
  /** A person who has a grant on the file already keeps that one, changed. */
  | { op: "grant"; permission: PermissionRow }
  /** The address of a waiting grant has an account now. */
  | { op: "attach_grant"; file_id: string; permission_id: string; user_id: string; name: string }
  | {
      op: "update_grant";
      file_id: string;
      permission_id: string;
      permission?: PermissionRow["permission"] | undefined;
      expires_at?: number | null | undefined;
    }
  | { op: "revoke"; file_id: string; permission_id: string };

export interface Submission {
  command: Command;
  actor: Actor;
  op_id: string;
}

/** The file that has what was sent. */
export const madeBy = ({ file, copy, made }: Pick<Outcome, "file" | "copy" | "made">): FileRow | null =>
  made === "copy" ? copy : file;

/** What a command left behind; `replayed` when an earlier try of the same `op_id` had done it. */
export interface Outcome {
  /** `conflict`: it was settled otherwise than asked (docs/spec/sync.md, CF3 to CF12). */
  status: "applied" | "conflict";
  file: FileRow | null;
  /** The conflict copy. */
  copy: FileRow | null;
  /** Which of the two has what was sent. */
  made: "file" | "copy";
  /** What the file had then; one that was replayed may have newer ones by now. */
  version_id: string | null;
  permission: PermissionRow | null;
  upload: UploadRow | null;
  replayed: boolean;
}

export type Result = { ok: true; outcome: Outcome } | { ok: false; failure: Failure };
