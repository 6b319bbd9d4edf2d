/** For whom a commit leaves something to do. docs/spec/events.md, E16. */
import type { FileRow, JournalRow } from "../files/model.ts";
import { mayHavePicture } from "../previews/rules.ts";
import type { JournalOp } from "../protocol/sync.ts";
import { CONSUMERS, type ConsumerName } from "./wake.ts";

/** The newest sequence number of a drive that a consumer has to reach; of whom there is none, nothing. */
export type Due = Partial<Record<ConsumerName, number>>;

/** Entries that mean nothing to a consumer pile up behind its mark; no more than one run reads at once. */
const PILE_MAX = 64;

const isSharing = (op: JournalOp): boolean => op === "shared" || op === "unshared";

/** Nothing of the file is another than before. */
const UNCHANGED: ReadonlySet<JournalOp> = new Set(["unarchived", "merged", "kept"]);

/** @param file as the commit leaves it, null when it is gone */
const WANTS: Record<ConsumerName, (op: JournalOp, file: FileRow | null) => boolean> = {
  previews: (op, file) => (op === "created" || op === "modified") && file !== null && mayHavePicture(file),
  "search-index": (op) => !isSharing(op) && !UNCHANGED.has(op),
  notifications: isSharing,
};

export function dueAfter(
  before: Due,
  journal: readonly JournalRow[],
  seq: number,
  fileOf: (file_id: string) => FileRow | null,
): Due {
  const after = { ...before };
  for (const consumer of CONSUMERS) {
    const isWanted = journal.some(({ op, file_id }) => WANTS[consumer](op, fileOf(file_id)));
    if (isWanted || seq - (before[consumer] ?? 0) >= PILE_MAX) after[consumer] = seq;
  }
  return after;
}

/** Who is to be woken. */
export const newlyDue = (before: Due, after: Due): ConsumerName[] =>
  CONSUMERS.filter((consumer) => before[consumer] !== after[consumer]);
