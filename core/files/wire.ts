import type { File, Version } from "../protocol/files.ts";
import { type PermissionWord, toTime, toTimeOrNull } from "../protocol/common.ts";
import type { FileRow, VersionRow } from "./model.ts";

/** A file as the caller sees it. */
export const toWire = (file: FileRow, permission: PermissionWord): File => ({
  file_id: file.file_id,
  drive_id: file.drive_id,
  parent_id: file.parent_id,
  name: file.name,
  is_folder: file.is_folder,
  size: file.size,
  mime_type: file.mime_type,
  content_hash: file.content_hash,
  integrity: file.integrity,
  version_id: file.version_id,
  version_number: file.version_number,
  version_count: file.version_count,
  vector: { ...file.vector },
  conflict_of: file.conflict_of,
  conflict_policy: file.conflict_policy,
  owner_id: file.drive_id,
  permission,
  storage_class: "STANDARD",
  metadata: file.metadata,
  created_at: toTime(file.created_at),
  updated_at: toTime(file.updated_at),
  modified_at: toTimeOrNull(file.modified_at),
  trashed_at: toTimeOrNull(file.trashed_at),
});

export const versionToWire = (version: VersionRow, current: string | null): Version => ({
  version_id: version.version_id,
  version_number: version.version_number,
  size: version.size,
  content_hash: version.content_hash,
  created_by: version.created_by,
  device_id: version.device_id,
  created_at: toTime(version.created_at),
  change_description: version.change_description,
  is_current: version.version_id === current,
});
