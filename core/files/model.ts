/** Records of a drive, as they are stored: the field names of the wire, times in milliseconds since the epoch. */
import type { Due } from "../events/due.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { JournalOp } from "../protocol/sync.ts";
import type { ConflictPolicy, Metadata } from "../protocol/files.ts";
import type { PermissionWord } from "../protocol/common.ts";

export type Vector = Readonly<Record<string, number>>;
/** A change of a file: the device that made it and its counter in the file's vector; "" in rows of old. */
export type Dot = string;
export type Integrity = "ok" | "pending" | "declared_hash_mismatch";

export interface FileRow {
  tenant_id: TenantId;
  file_id: string;
  drive_id: string;
  parent_id: string | null;
  name: string;
  name_key: string;
  is_folder: boolean;
  size: number;
  mime_type: string | null;
  content_id: string | null;
  content_hash: string | null;
  integrity: Integrity;
  version_id: string | null;
  version_number: number;
  version_count: number;
  vector: Vector;
  /** The last change of its content, and of its place (name, folder, trash): docs/spec/sync.md, CF1. */
  content_dot: Dot;
  place_dot: Dot;
  /** The file that this one is a conflict copy of; null for others. */
  conflict_of: string | null;
  /** Of a folder, for all that lies in it (CF12); null where the folder above decides. */
  conflict_policy: ConflictPolicy | null;
  metadata: Metadata;
  created_by: string;
  created_at: number;
  updated_at: number;
  modified_at: number | null;
  trashed_at: number | null;
}

export interface VersionRow {
  tenant_id: TenantId;
  file_id: string;
  version_number: number;
  version_id: string;
  content_id: string;
  content_hash: string | null;
  size: number;
  mime_type: string | null;
  created_by: string;
  device_id: string | null;
  created_at: number;
  change_description: string | null;
  /** Its content came with another version: docs/spec/durability.md, G2. */
  is_shared: boolean;
}

/** A version as a command makes it: whether it shares its content is seen when the batch is whole. */
export type NewVersion = Omit<VersionRow, "is_shared">;

/** The bytes of a version: `manifest` says where they lie (docs/spec/storage.md, M5). */
export interface ContentRow {
  tenant_id: TenantId;
  content_id: string;
  content_hash: string | null;
  size: number;
  manifest: string;
  created_at: number;
  /** The version that it came with is gone (G2). */
  is_ended: boolean;
}

/** A content by one of its blocks: docs/spec/storage.md, M10. */
export interface HookRow {
  tenant_id: TenantId;
  drive_id: string;
  /** The first 8 bytes of the block's SHA-256, hex. */
  hash: string;
  content_id: string;
  /** The version that brought the content. */
  file_id: string;
  version_id: string;
}

/** A content whose SHA-256 is still to be computed: docs/spec/storage.md, S5. */
export interface VerificationRow {
  tenant_id: TenantId;
  drive_id: string;
  content_id: string;
  declared_hash: string | null;
  /** What was hashed, and the state of the hash behind it; null at the beginning. */
  hashed_bytes: number;
  state: string | null;
  /** Tries since the last progress. */
  attempts: number;
  error: string | null;
  /** Milliseconds since the epoch; `NEVER` when it is dead. */
  next_at: number;
}

/** One object of encrypted blocks. */
export interface PackRow {
  tenant_id: TenantId;
  pack_id: string;
  state: "live" | "condemned" | "deleted";
  /** Bytes of the object. */
  size: number;
  /** Of the tenant key that wraps the pack's. */
  key_version: number;
  created_at: number;
  /** When its state changed last, milliseconds since the epoch. */
  changed_at: number;
  /** The round that condemned it; "" before. */
  round: string;
  /** A content that named it was dropped since its living blocks were counted. */
  is_shrunk: boolean;
}

export interface DriveRow {
  tenant_id: TenantId;
  drive_id: string;
  kind: "personal" | "team";
  name: string;
  seq: number;
  /** From here on the journal has every entry. */
  first_seq: number;
  due: Due;
  used_bytes: number;
  reserved_bytes: number;
  limit_bytes: number;
  created_at: number;
}

export interface PermissionRow {
  tenant_id: TenantId;
  file_id: string;
  permission_id: string;
  drive_id: string;
  kind: "user" | "pending" | "link";
  permission: PermissionWord;
  user_id: string | null;
  email: string | null;
  name: string | null;
  token: string | null;
  password_hash: string | null;
  max_downloads: number | null;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
}

export interface JournalRow {
  tenant_id: TenantId;
  drive_id: string;
  seq: number;
  op: JournalOp;
  file_id: string;
  /** The folder that it was in, when it is there no more: who sees only that is told that it is gone. */
  from_id: string | null;
  version_id: string | null;
  permission_id: string | null;
  /** The client's `Idempotency-Key` or `op_id`, else one of our own: a retry finds the first result by it. */
  op_id: string;
  actor_id: string;
  device_id: string | null;
  /** For a conflict copy that this change made: the file that it is a copy of. */
  conflict_of: string | null;
  at: number;
}
