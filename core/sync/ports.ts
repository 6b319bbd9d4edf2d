import type { Due } from "../events/due.ts";
import type { ConsumerName } from "../events/wake.ts";
import type {
  ContentRow,
  DriveRow,
  FileRow,
  HookRow,
  JournalRow,
  PackRow,
  PermissionRow,
  VerificationRow,
  VersionRow,
} from "../files/model.ts";
import type { UploadRow } from "../uploads/model.ts";

/** Files that one copy may make: keeps a batch under D1's 30 s. */
export const COPY_MAX = 5_000;

/** Versions that one command may end: keeps a batch small, however long a history is. */
export const PURGE_MAX = 200;

/** Items that a look for the height of a tree visits at most, the nearest first. */
export const HEIGHT_NODES_MAX = 5_000;

/** Numbered copies that are read at most to find a free name. */
export const NUMBERED_MAX = 10_000;

/** Changes that a delete of a folder looks at; a device that is further behind reads them first (CF6). */
export const CHANGED_MAX = 1_000;

/** What must be read before a group of commands can be planned. All of it is one round trip. */
export interface Needs {
  /** With all their ancestors. */
  file_ids: Set<string>;
  /** With all that lives below them, for copies; one more than `COPY_MAX` at most. */
  tree_ids: Set<string>;
  /** Sums of what lies below them and is purged with them. */
  sum_ids: Set<string>;
  names: { parent_id: string; name_key: string }[];
  /** All names of a folder that begin so: to find a free one. */
  numbered: { parent_id: string; prefix: string }[];
  /** Living items by their path below a folder: each that is found on the way. */
  paths: { parent_id: string; keys: string[] }[];
  /** The newest changes behind this sequence number, `CHANGED_MAX` and one more at most, with their files' ancestors. */
  since: number | null;
  /** How many levels lie below them, for moves; exact up to `HEIGHT_NODES_MAX` items. */
  height_ids: Set<string>;
  upload_ids: Set<string>;
  /** Packs whose state is needed. */
  pack_ids: Set<string>;
  /** Contents of any drive of the tenant, as far as they are living. */
  content_ids: Set<string>;
  /** Contents whose files in this drive are needed, as far as they wait for a verification. */
  pending_ids: Set<string>;
  versions: { file_id: string; version_id: string }[];
  /** The oldest versions of a file up to a number, `PURGE_MAX` at most. */
  histories: { file_id: string; through: number }[];
  permissions: { file_id: string; permission_id: string }[];
  /** Files whose living grants to people are needed, all of them. */
  grants: Set<string>;
  op_ids: Set<string>;
}

export interface Snapshot {
  drive: DriveRow;
  files: FileRow[];
  /** Files below `tree_ids`, parents before children. */
  trees: FileRow[];
  sums: Map<string, { bytes: number; count: number }>;
  taken: { parent_id: string; name_key: string }[];
  heights: Map<string, number>;
  /** Behind `since`, the newest first. */
  changed: Pick<JournalRow, "seq" | "op" | "file_id" | "device_id">[];
  uploads: UploadRow[];
  packs: Pick<PackRow, "pack_id" | "state">[];
  contents: Pick<ContentRow, "content_id" | "content_hash" | "size">[];
  versions: VersionRow[];
  permissions: PermissionRow[];
  /** Commands that were already committed, with what they left. */
  done: {
    entry: JournalRow;
    file: FileRow | null;
    /** The file that this one was made a conflict copy of. */
    original: FileRow | null;
    permission: PermissionRow | null;
  }[];
}

/** One D1 batch. `expected` guards it against a second hub of the same drive; reservations move no sequence number. */
export interface Writes {
  expected: Pick<DriveRow, "seq" | "used_bytes" | "reserved_bytes">;
  seq: number;
  due: Due;
  used_delta: number;
  reserved_delta: number;
  files: FileRow[];
  /** The batch fails unless the contents of shared ones are living (G1). */
  versions: VersionRow[];
  contents: ContentRow[];
  hooks: HookRow[];
  verifications: VerificationRow[];
  /** Sets the hash of contents, and of all versions that have them; of files, `files` does. */
  verified: { content_id: string; content_hash: string }[];
  /** A pack of a batch comes with each of its groups; the first one makes its row. */
  packs: PackRow[];
  /** Ids of packs of other uploads that the contents need. The batch fails unless they and `packs` are all live (G4). */
  borrowed: string[];
  permissions: PermissionRow[];
  uploads: UploadRow[];
  /** Sessions that change, each once. All of them must be open in the store. */
  settled: Pick<UploadRow, "upload_id" | "state" | "file_id">[];
  purged_files: string[];
  purged_versions: { file_id: string; version_number: number }[];
  journal: JournalRow[];
}

/** Contents that versions get and the batch does not bring along. */
export function sharedContents({ versions, contents }: Pick<Writes, "versions" | "contents">): string[] {
  const own = new Set(contents.map((content) => content.content_id));
  return [...new Set(versions.map((version) => version.content_id))].filter((content_id) => !own.has(content_id));
}

/** Packs that must be live when the batch is done. */
export const neededPacks = ({ packs, borrowed }: Pick<Writes, "packs" | "borrowed">): string[] => [
  ...new Set([...packs.map((pack) => pack.pack_id), ...borrowed]),
];

/** The store of one drive. Single writer: its hub. */
export interface DriveStore {
  /** Null when there is no such drive. */
  load(needs: Needs): Promise<Snapshot | null>;
  /** All or nothing. Throws when a guard fails, when the store does not answer, or when the answer is lost. */
  commit(writes: Writes): Promise<void>;
}

/** What a commit leaves to others. */
export interface Left {
  due: readonly ConsumerName[];
  unverified: boolean;
  /** Ids of the packs that came with it. */
  packs: readonly string[];
}

export interface HubPorts {
  store: DriveStore;
  now(): number;
  newId(): string;
  /**
   * After a commit, in order. Must not throw; what it does is replayed from the journal when it is lost.
   * @param left who has something to do with it, and whether contents are to be verified now, what is to be copied
   */
  announce(entries: JournalRow[], left: Left): void;
  /** A batch that failed: for the operator, the commands are tried again one by one. */
  report(error: unknown): void;
}
