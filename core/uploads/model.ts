import type { TenantId } from "../protocol/ids.ts";
import type { OnNameConflict } from "../protocol/files.ts";

/** What the commit of an upload makes: a file in a folder, or a new version of one. */
export type UploadTarget = {
  mime_type: string | null;
  modified_at: number | null;
} & (
  | { kind: "file"; parent_id: string; name: string; on_name_conflict: OnNameConflict }
  | { kind: "version"; file_id: string; if_version_id: string | null }
);

export type UploadStatus = "open" | "committed" | "aborted";

export interface UploadRow {
  tenant_id: TenantId;
  upload_id: string;
  drive_id: string;
  state: UploadStatus;
  target: UploadTarget;
  /** Bytes; null when the body's length was not said. */
  size: number | null;
  reserved_bytes: number;
  declared_hash: string | null;
  object_key: string;
  r2_upload_id: string | null;
  part_size: number;
  created_by: string;
  device_id: string | null;
  /** The file that the commit made. */
  file_id: string | null;
  created_at: number;
  expires_at: number;
}

export interface ChunkRow {
  tenant_id: TenantId;
  upload_id: string;
  chunk_index: number;
  /** SHA-256 of the chunk, verified. */
  chunk_id: string;
  size: number;
  /** What the object store calls the part. */
  etag: string;
}
