/** Between stored rows and records: SQLite has no booleans and keeps JSON as text. */
import type { DriveRow, FileRow, JournalRow, PermissionRow, VersionRow } from "../../../core/files/model.ts";
import type { ChunkRow, UploadRow } from "../../../core/uploads/model.ts";

export type Stored = Record<string, unknown>;

export const toDrive = (row: Stored): DriveRow =>
  ({ ...row, due: JSON.parse(row.due as string) }) as unknown as DriveRow;

export const toFile = (row: Stored): FileRow =>
  ({
    ...row,
    is_folder: row.is_folder === 1,
    vector: JSON.parse(row.vector as string),
    metadata: JSON.parse(row.metadata as string),
  }) as unknown as FileRow;

export const fromFile = (file: FileRow): Stored => ({
  ...file,
  is_folder: file.is_folder ? 1 : 0,
  vector: JSON.stringify(file.vector),
  metadata: JSON.stringify(file.metadata),
});

export const toUpload = (row: Stored): UploadRow =>
  ({
    ...row,
    target: JSON.parse(row.target as string),
    base: row.base === null ? null : JSON.parse(row.base as string),
  }) as unknown as UploadRow;

export const fromUpload = (upload: UploadRow): Stored => ({
  ...upload,
  target: JSON.stringify(upload.target),
  base: upload.base === null ? null : JSON.stringify(upload.base),
});

export const toChunk = (row: Stored): ChunkRow =>
  ({ ...row, hooks: JSON.parse(row.hooks as string) }) as unknown as ChunkRow;

export const toPermission = (row: Stored): PermissionRow => row as unknown as PermissionRow;
export const toVersion = (row: Stored): VersionRow =>
  ({ ...row, is_shared: row.is_shared === 1 }) as unknown as VersionRow;
export const toJournal = (row: Stored): JournalRow => row as unknown as JournalRow;
