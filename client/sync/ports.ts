/**
 * What the sync client needs of the world: docs/spec/sync-client.md. Paths are relative to the synced folder, with `/`
 * between names and no `/` in front; "" is the folder itself. Names are as the disk gives them, in its own Unicode form.
 */
import type { File } from "../../core/protocol/files.ts";
import type { SnapshotLine } from "../../core/protocol/snapshot.ts";
import { CONTENTS_MAX, type DeltaAnswer, type DeltaChange, type JournalOp } from "../../core/protocol/sync.ts";

/** Where the client keeps what is its own; in the synced folder, so that a rename never crosses file systems. */
export const PRIVATE = ".edgedrive";

// --- Disk -----------------------------------------------------------------------------------------------------------

export type DiskProblem =
  | "missing"
  | "changed"
  | "occupied"
  | "not_empty"
  | "unreadable"
  | "read_only"
  | "busy"
  | "full";

/**
 * `missing`: nothing is there, or its folder is not. `changed`: what is there is not what was expected. `occupied`:
 * something is where nothing was expected. `busy`: in use by another program. Nothing of the call was done.
 */
export class DiskError extends Error {
  readonly problem: DiskProblem;
  readonly path: string;

  constructor(problem: DiskProblem, path: string, cause?: unknown) {
    super(`${path}: ${problem}`, { cause });
    this.name = "DiskError";
    this.problem = problem;
    this.path = path;
  }
}

/** What tells whether a file is what it was. Folders have size and time 0: theirs change with what is in them. */
export interface Fingerprint {
  /**
   * The same for an item wherever it is moved, and never another's while it is known: device, inode and, where the disk
   * tells it, time of birth. Null where the file system has none that holds.
   */
  identity: string | null;
  kind: "file" | "folder";
  /** Bytes. */
  size: number;
  /** Milliseconds since the epoch, with as many digits as the disk has. */
  modified_ms: number;
  executable: boolean;
}

/** One name in a folder. `unsyncable` is never followed, read or deleted (LO4). */
export type DiskEntry = { name: string } & (
  | Fingerprint
  | { kind: "unsyncable"; why: "symbolic_link" | "special" | "unreadable" }
);

/** An open file: what it reads belongs to one inode, but may change under it. Whoever opens it closes it. */
export interface DiskFile {
  /** What it is now: compared before and after a reading (LO2). */
  fingerprint(): Promise<Fingerprint>;
  /** Up to `length` bytes; fewer only at the end. @throws DiskError */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** A file of {@link PRIVATE} that grows at its end. Whoever opens it closes it. */
export interface DiskWriter {
  /** Bytes that it has: what an earlier run left, when it was opened to go on. */
  readonly size: number;
  /** @throws DiskError `full`, `read_only` */
  append(bytes: Uint8Array): Promise<void>;
  /** All of it is on the disk, with this time (milliseconds; null: as it is) and execute bit, then closed. */
  finish(as: { modified_ms: number | null; executable: boolean }): Promise<void>;
  /** As it is. Twice is once, and so is closing what is finished. */
  close(): Promise<void>;
}

/**
 * The synced folder on a disk. Every call is done whole or not at all but {@link DiskWriter.append}. Symbolic links are
 * never followed, on no level. Throws DiskError and nothing else for what a disk can refuse.
 */
export interface Disk {
  /** What lies in a folder, in any order, {@link PRIVATE} as well. @throws DiskError `missing`, `unreadable` */
  list(folder: string): Promise<DiskEntry[]>;
  /** Null when nothing is there. */
  stat(path: string): Promise<DiskEntry | null>;
  open(path: string): Promise<DiskFile>;
  /** A new file, or to go on with what is there; in {@link PRIVATE} only. Makes the folders above it. */
  write(path: string, how: "anew" | "go_on"): Promise<DiskWriter>;
  /** In a folder that is there. @returns what it is. @throws DiskError `occupied`, `missing` */
  make_folder(path: string): Promise<Fingerprint>;
  /**
   * Moves a file, or a folder with what is in it. `from` must still be `expected.from`, `to` still `expected.to` (null:
   * nothing), which a file replaces; both are looked at immediately before. A name that differs from that of the item
   * itself only by what the disk cannot tell apart is free. Makes the folders of a `to` in {@link PRIVATE}.
   * The mode of a replaced file stays, but for the execute bit. @returns what lies at `to` now
   * @throws DiskError `changed`, `occupied`, `missing`, `busy`, `read_only`
   */
  move(from: string, to: string, expected: { from: Fingerprint; to: Fingerprint | null }): Promise<Fingerprint>;
  /** A folder with nothing in it. @throws DiskError `not_empty`, `missing` */
  remove_folder(path: string): Promise<void>;
  /** For good, with all that is in it; in {@link PRIVATE} only. What is not there is no error. */
  remove_private(path: string): Promise<void>;
  /** Why this disk cannot hold a name, in words for people; null when it can. */
  refusal_of(name: string): string | null;
  /** Two names with the same key are one name here: case and Unicode form, as far as this disk does not tell them apart. */
  key_of(name: string): string;
}

// --- Remote ---------------------------------------------------------------------------------------------------------

/** A file as the server tells it, as far as sync needs it. */
export type RemoteFile = Pick<
  File,
  | "file_id"
  | "drive_id"
  | "parent_id"
  | "name"
  | "is_folder"
  | "size"
  | "content_hash"
  | "version_id"
  | "vector"
  | "permission"
  | "metadata"
  | "modified_at"
  | "trashed_at"
>;

export interface RemoteChange {
  seq: number;
  drive_id: string;
  file_id: string;
  op: JournalOp;
  /** Null when it is gone for us. */
  file: RemoteFile | null;
}

/** A line of a snapshot: SN1. */
export type RemoteLine = Exclude<SnapshotLine, { type: "file" }> | { type: "file"; file: RemoteFile };

/** How the bytes of a put are read. Two runs over the same file give the same, or {@link Content.read} throws. */
export interface Content {
  /** Bytes. */
  size: number;
  /** SHA-256, lower-case hex. */
  hash: string;
  /** The local file, for resume: the same for the same path, size and time. */
  key: string;
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

type Put = Extract<DeltaChange, { op: "put" }>;

/** A change of a batch. A put has its bytes beside it; frames and segments are the remote's affair. */
export type OutgoingChange =
  | { change: Exclude<DeltaChange, Put> }
  | { change: Omit<Put, "frames" | "segments" | "on_name_conflict">; content: Content };

export type OutgoingPut = Extract<OutgoingChange, { content: Content }>;

export type ChangeAnswer = DeltaAnswer["results"][number];

/**
 * The server. Throws ApiError for a refusal of a whole request, NetworkError when no answer came (then nothing is known
 * of what was done), the signal's reason when aborted.
 */
export interface Remote {
  /** Whose drive it is, and which device we are. */
  me(): Promise<{ user_id: string; device_id: string; drive_id: string; root_id: string }>;
  /** One page. Null: from the beginning. @throws ApiError `cursor_expired` */
  changes(cursor: string | null): Promise<{ changes: RemoteChange[]; cursor: string; has_more: boolean }>;
  /** All that we see, or a folder with what is below it. What breaks off is taken up again; without `end` it is not whole. */
  snapshot(folder_id: string | null): AsyncIterable<RemoteLine>;
  /** Changes in their order, each answered by itself; puts are {@link SMALL} at most. 1,000 changes and 8 MiB at most. */
  delta(changes: readonly OutgoingChange[], signal?: AbortSignal): Promise<ChangeAnswer[]>;
  /** One file of any size, by parts and with what the server has; goes on where it stopped. */
  upload(put: OutgoingPut, progress: (sent_bytes: number) => void, signal?: AbortSignal): Promise<ChangeAnswer>;
  /**
   * Bytes of small versions in one request, as they come: {@link SMALL} each, {@link TOGETHER} of them. What is missing
   * in the end is downloaded by itself.
   */
  download_small(
    items: readonly { file_id: string; version_id: string }[],
    signal?: AbortSignal,
  ): AsyncIterable<{ index: number; bytes: Uint8Array }>;
  /** The bytes of a version from an offset on, which the server may refuse to know any more (`not_found`). */
  download(
    file_id: string,
    version_id: string,
    offset: number,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>;
}

/** Up to here a file goes with others in a batch. Bytes. */
export const SMALL = 256 * 1024;

/** What is asked for in one request. Bytes. */
export const TOGETHER = { files: CONTENTS_MAX.files, bytes: CONTENTS_MAX.bytes };

// --- State ----------------------------------------------------------------------------------------------------------

/** What both sides last agreed on, for one file. `parent_id` and `name` are the place it has on the disk. */
export interface SyncedItem {
  file_id: string;
  drive_id: string;
  parent_id: string;
  /** NFC, as on the server. */
  name: string;
  is_folder: boolean;
  /** The base of the next change: what this device has of the file. */
  vector: Readonly<Record<string, number>>;
  /** Null for folders. */
  version_id: string | null;
  /** SHA-256 of what lies on the disk; null for folders. */
  hash: string | null;
  /** What the disk said of it then, and the name as the disk spells it. */
  local: Fingerprint & { name: string };
}

/** A change that was or may have been sent. Kept until it is answered, so that it is sent again under its `op_id`. */
export interface Underway {
  op_id: string;
  /** What it is about: a `file_id`, or `parent_id/name` for what it makes. One change at a time for each. */
  key: string;
  /** The change as JSON, without its `op_id`; with the hash of its bytes. */
  change: string;
  hash: string | null;
}

export interface SavedState {
  remote: RemoteFile[];
  synced: SyncedItem[];
  underway: Underway[];
  /** Cursor, pairing and settings, by name. */
  values: Record<string, string>;
}

/** One transaction. Null deletes. `forget_remote` empties the remote tree before `remote` is written. */
export interface StateWrites {
  forget_remote?: boolean;
  remote?: readonly (readonly [file_id: string, RemoteFile | null])[];
  synced?: readonly (readonly [file_id: string, SyncedItem | null])[];
  underway?: readonly (readonly [op_id: string, Underway | null])[];
  values?: Readonly<Record<string, string | null>>;
}

export interface StateStore {
  load(): Promise<SavedState>;
  /** All or nothing, and there after a crash once it is resolved; calls take effect in their order. */
  commit(writes: StateWrites): Promise<void>;
}

// --- The rest -------------------------------------------------------------------------------------------------------

export interface Clock {
  /** Milliseconds since the epoch; may jump either way. Nothing is decided by it but pauses and what is shown. */
  now(): number;
  /** Milliseconds of a clock that only goes forwards. */
  steady(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  /** 0 up to 1. */
  next(): number;
  /** For an `op_id`: 100 characters at most, never given twice. */
  token(): string;
}

/** Something that is not, or not yet, in sync (PL7). `code` is stable: the server's, the disk's, or the engine's own. */
export interface Problem {
  path: string;
  /** The file that it is about; null for what only the disk has. */
  file_id: string | null;
  code: string;
  detail: string;
}

/** How far it is. Bytes count what this round moves. */
export interface SyncProgress {
  up: { done: number; total: number; bytes: number; total_bytes: number };
  down: { done: number; total: number; bytes: number; total_bytes: number };
}

export type SyncEvent =
  | { type: "sent" | "received" | "deleted" | "moved" | "recovered"; path: string }
  | { type: "conflict"; path: string; copy: string };

export interface Reporter {
  progress(progress: SyncProgress): void;
  event(event: SyncEvent): void;
  /** All there are, each time they change. */
  problems(problems: readonly Problem[]): void;
}
