/**
 * Items as rows and back, columns in the order of the schema. Objects are written out one by one: as copies of rows they
 * would take three times the memory.
 */
import type { RemoteFile, SyncedItem, Underway } from "../../client/sync/ports.ts";
import type { Shared } from "./shared.ts";

export type Value = string | number | null;
type Text = string;
type TextOrNull = string | null;

export const remoteRow = (file: RemoteFile): Value[] => [
  file.file_id,
  file.drive_id,
  file.parent_id,
  file.name,
  Number(file.is_folder),
  file.size,
  file.content_hash,
  file.version_id,
  JSON.stringify(file.vector),
  file.permission,
  JSON.stringify(file.metadata),
  file.modified_at,
  file.trashed_at,
];

export const remoteOf = (row: Value[], shared: Shared): RemoteFile => ({
  file_id: row[0] as Text,
  drive_id: shared.text(row[1] as Text),
  parent_id: shared.text(row[2] as TextOrNull),
  name: row[3] as Text,
  is_folder: row[4] === 1,
  size: row[5] as number,
  content_hash: row[6] as TextOrNull,
  version_id: row[7] as TextOrNull,
  vector: shared.json(row[8] as Text),
  permission: shared.text(row[9] as RemoteFile["permission"]),
  metadata: shared.json(row[10] as Text),
  modified_at: row[11] as TextOrNull,
  trashed_at: row[12] as TextOrNull,
});

export const syncedRow = ({ local, ...item }: SyncedItem): Value[] => [
  item.file_id,
  item.drive_id,
  item.parent_id,
  item.name,
  Number(item.is_folder),
  JSON.stringify(item.vector),
  item.version_id,
  item.hash,
  local.name,
  local.identity,
  local.kind,
  local.size,
  local.modified_ms,
  Number(local.executable),
];

export const syncedOf = (row: Value[], shared: Shared): SyncedItem => ({
  file_id: row[0] as Text,
  drive_id: shared.text(row[1] as Text),
  parent_id: shared.text(row[2] as Text),
  name: row[3] as Text,
  is_folder: row[4] === 1,
  vector: shared.json(row[5] as Text),
  version_id: row[6] as TextOrNull,
  hash: row[7] as TextOrNull,
  local: {
    // Most disks spell a name as the server does.
    name: (row[8] === row[3] ? row[3] : row[8]) as Text,
    identity: row[9] as TextOrNull,
    kind: row[10] === "file" ? "file" : "folder",
    size: row[11] as number,
    modified_ms: row[12] as number,
    executable: row[13] === 1,
  },
});

export const underwayRow = ({ op_id, key, change, hash }: Underway): Value[] => [op_id, key, change, hash];

export const underwayOf = (row: Value[]): Underway => ({
  op_id: row[0] as Text,
  key: row[1] as Text,
  change: row[2] as Text,
  hash: row[3] as TextOrNull,
});
