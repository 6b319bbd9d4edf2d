/** Ways to lose bytes or to keep garbage: each takes one rule away, and the tests must notice. Any play shows these. */
export const MUTATIONS = {
  "a copy counts as the home of its content": "home",
  "there is no second look": "second_look",
  "the packs are judged before the contents were read": "order",
  "the objects of tombstones are not deleted again": "tombstone",
  "a pack is stored before its session has a row": "staging",
  "a content is visible before its pack is stored": "visible",
  "a pack leaves R2 before its archive has it": "moved_first",
  "what is deleted stays in the archive": "archive_kept",
} as const;

/** Those that take more than chance to show have scenes of their own. */
export type Mutation =
  | (typeof MUTATIONS)[keyof typeof MUTATIONS]
  | "borrow"
  | "own_round"
  | "newest"
  | "grace"
  | "grace_kept"
  | "expiry"
  | "repoint"
  | "unasserted"
  | "unstaged"
  | "at_once"
  | "notes";
