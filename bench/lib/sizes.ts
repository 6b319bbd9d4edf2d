/** How much each case does. */
export interface Sizes {
  /** Bytes of a large file: sent in one stream (the platform takes bodies of 100 MB), and in parts. */
  large: number;
  large_parts: number;
  large_runs: number;
  small_files: number;
  small_runs: number;
  /** Entries of the folder that is listed. */
  entries: number;
  list_runs: number;
  /** Metadata changes of one run. */
  commits: number;
  commit_runs: number;
  notifications: number;
  /** Sockets of one person, and changes that all of them are told of. */
  sockets: number;
  broadcasts: number;
  /** Uploads of what others have, each beside one of new bytes. */
  pairs: number;
  /** Calls of each endpoint. */
  calls: number;
  /** Files of one batch. */
  batched_files: number;
  /** Files of the drive that has grown, and calls of each operation on it. */
  grown_files: number;
  grown_calls: number;
  /** Bytes of a file that is read whole, of one that is read by ranges, and how many ranges of 64 KiB. */
  whole: number;
  ranged: number;
  ranges: number;
  /** Bytes of each file of which five go up and down at a time. */
  memory: number;
  /** Bytes of a file that is edited. */
  edited: number;
  /** Files of the drive that is backed up, lost and restored. */
  restored_files: number;
  /** Of two devices: small files at once, edits one after the other, and the bytes of a large file. */
  synced_files: number;
  synced_edits: number;
  synced_large: number;
}

const MiB = 1024 * 1024;

export const FULL: Sizes = {
  large: 90 * MiB,
  large_parts: 256 * MiB,
  large_runs: 7,
  small_files: 200,
  small_runs: 5,
  entries: 10_000,
  list_runs: 9,
  commits: 500,
  commit_runs: 5,
  notifications: 100,
  sockets: 1_000,
  broadcasts: 50,
  pairs: 1000,
  calls: 50,
  batched_files: 1_000,
  grown_files: 1_000_000,
  grown_calls: 15,
  whole: 256 * MiB,
  ranged: 4096 * MiB,
  ranges: 1_000,
  memory: 1024 * MiB,
  edited: 1024 * MiB,
  restored_files: 100_000,
  synced_files: 1_000,
  synced_edits: 500,
  synced_large: 1024 * MiB,
};

/** Every line of the bench once, for a test: the numbers mean nothing. 9 MiB has two parts. */
export const QUICK: Sizes = {
  large: 9 * MiB,
  large_parts: 9 * MiB,
  large_runs: 1,
  small_files: 4,
  small_runs: 1,
  entries: 20,
  list_runs: 1,
  commits: 8,
  commit_runs: 1,
  notifications: 3,
  sockets: 5,
  broadcasts: 2,
  pairs: 3,
  calls: 2,
  batched_files: 4,
  grown_files: 2_000,
  grown_calls: 1,
  whole: 9 * MiB,
  ranged: 320 * MiB,
  ranges: 3,
  memory: 9 * MiB,
  edited: 9 * MiB,
  restored_files: 2_000,
  synced_files: 20,
  synced_edits: 3,
  synced_large: 9 * MiB,
};
