/** What is kept of a drive's journal. docs/spec/sync.md, J9. */
import { DAY } from "../time.ts";
import { DriveError } from "../protocol/errors.ts";

/** Milliseconds; older entries may be cut away. */
export const JOURNAL_KEPT = 30 * DAY;

/**
 * Whether all that happened behind a number is there. From the beginning it is always: what is cut away tells nothing of
 * what there is.
 */
export const isKept = (reached: number, first_seq: number): boolean => reached === 0 || reached + 1 >= first_seq;

export const cursorExpired = (): DriveError =>
  new DriveError("cursor_expired", "What happened since is not kept any more; read everything anew (`sync/snapshot`).");
