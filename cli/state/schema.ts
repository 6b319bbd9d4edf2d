import type { DatabaseSync } from "node:sqlite";

/** Counts up with each change of the tables; `user_version` of the file. */
const VERSION = 1;

const TABLES = `
create table remote (
  file_id text primary key, drive_id text not null, parent_id text, name text not null, is_folder integer not null,
  size integer not null, content_hash text, version_id text, vector text not null, permission text not null,
  metadata text not null, modified_at text, trashed_at text
) strict, without rowid;
create table synced (
  file_id text primary key, drive_id text not null, parent_id text not null, name text not null, is_folder integer not null,
  vector text not null, version_id text, hash text, local_name text not null, identity text, kind text not null, size integer not null,
  modified_ms real not null, executable integer not null
) strict, without rowid;
create table underway (op_id text primary key, key text not null, change text not null, hash text) strict, without rowid;
create table kept_values (name text primary key, value text not null) strict, without rowid;
`;

/** Makes the tables of a new file. @throws Error for a file of a later version of this program */
export function prepare(database: DatabaseSync): void {
  // A commit is on the disk before it is told: after a power cut a change could else be sent twice under two names.
  database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma locking_mode = normal");
  const { user_version } = database.prepare("pragma user_version").get() as { user_version: number };
  if (user_version === VERSION) return;
  if (user_version !== 0) throw new Error("The state of this folder was written by a later version of edgedrive.");
  database.exec(`begin immediate; ${TABLES} pragma user_version = ${VERSION}; commit`);
}
