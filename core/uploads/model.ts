import type { BlockBits } from "../blocks/classes.ts";
import type { Hooks } from "../manifests/hooks.ts";
import type { FinishedPack } from "../packs/writer.ts";
import type { Vector } from "../files/model.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { OnNameConflict } from "../protocol/files.ts";

/** What the commit of an upload makes: a file in a folder, or a new version of one. */
export type UploadTarget = {
  mime_type: string | null;
  modified_at: number | null;
  /** The vector that a sync client's change was made on: docs/spec/sync.md, CF1. */
  base?: Vector | undefined;
} & (
  | { kind: "file"; parent_id: string; name: string; on_name_conflict: OnNameConflict }
  | { kind: "version"; file_id: string; if_version_id: string | null }
);

/** A version of a file, as clients name it. */
export interface VersionRef {
  file_id: string;
  version_id: string;
}

export type UploadStatus = "open" | "committed" | "aborted";

export interface UploadRow {
  tenant_id: TenantId;
  upload_id: string;
  drive_id: string;
  state: UploadStatus;
  /** Null for a batch: each of its commits brings its own. */
  target: UploadTarget | null;
  /** Bytes; null when the body's length was not said. */
  size: number | null;
  reserved_bytes: number;
  declared_hash: string | null;
  part_size: number;
  /** What its deltas and segments refer to (U16). */
  base: VersionRef | null;
  /** Class of its blocks: the same for all chunks, and the parent's where there is one. */
  block_bits: BlockBits;
  created_by: string;
  device_id: string | null;
  /** The file that the commit made; of a batch, the last one. */
  file_id: string | null;
  created_at: number;
  expires_at: number;
}

/** An upload of one file. */
export type FileUpload = UploadRow & { target: UploadTarget };

export interface ReceivedChunk {
  /** What the client numbers it by, for resume; the order of the file comes with the completion. */
  chunk_index: number;
  /** SHA-256 of the chunk, verified. */
  chunk_id: string;
  size: number;
}

/** A chunk that has arrived lies in a pack of its own, as blocks. */
export interface ChunkRow extends ReceivedChunk {
  tenant_id: TenantId;
  upload_id: string;
  /** The text of a root over its blocks. */
  manifest: string;
  /** SHA-256 of the bytes that frames stand for; null where it is `chunk_id`. */
  content_hash: string | null;
  hooks: Hooks;
  pack_id: FinishedPack["pack_id"];
  pack_size: FinishedPack["size"];
  key_version: FinishedPack["key_version"];
}
