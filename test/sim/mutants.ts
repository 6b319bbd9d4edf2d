import type { Mutant } from "../support/mutate.ts";

/** Ways in which planner, engine and hub could be wrong: each must be found. `node test/sim/run-mutants.ts` tries them. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "every change says that it was made on what the server has",
    rule: "PL4, CF3",
    file: "client/sync/plan/evaluate.ts",
    edits: [
      [
        "return remote !== undefined && this.#isUnchanged(remote, synced) ? remote.vector : synced.vector;",
        "return remote !== undefined ? remote.vector : synced.vector;",
      ],
    ],
  },
  {
    name: "what was edited here and deleted there goes",
    rule: "PL5",
    file: "client/sync/plan/evaluate.ts",
    edits: [
      ["return this.#put(node, id, synced, synced.parent_id, synced.name);", "return this.#receives(file_id, remove);"],
    ],
  },
  {
    name: "a folder is deleted there with what came into it meanwhile",
    rule: "PL4, CF6",
    file: "core/sync/plan/settle.ts",
    edits: [["if (isKnown && !(file.is_folder && hasNews(draft, file, seen, actor)))", "if (isKnown && seen >= 0)"]],
  },
  {
    name: "a file is put in its place whatever lies there",
    rule: "LO1",
    file: "client/sync/receive.ts",
    edits: [["to: node === null ? null : node.seen }", "to: (await disk.stat(path)) as Fingerprint | null }"]],
  },
  {
    name: "a folder that comes back is not read",
    rule: "EX6, VD4",
    file: "client/sync/pull.ts",
    edits: [['return op !== "created" && (!state', 'return op === "shared" && (!state']],
  },
  {
    name: "the second of two names is fetched though it was sent meanwhile",
    rule: "EX1",
    file: "client/sync/receive.ts",
    edits: [["    if (isNew && state.synced.has(down.file_id!)) return Promise.resolve();\n", ""]],
  },
  {
    name: "the later of two edits takes the place of the first",
    rule: "CF3",
    file: "core/sync/plan/edits.ts",
    edits: [['if (kind === "merge" || hasSeen(base, file.content_dot)) return', "if (kind !== null) return"]],
  },
  {
    name: "a file does not come back with its edit",
    rule: "CF4, CF5",
    file: "core/sync/plan/edits.ts",
    edits: [
      [
        "const file = edit.back === null ? edit.file : comeBack(draft, edit.file, edit.back, actor, op_id);",
        "const { file } = edit;",
      ],
    ],
  },
  {
    name: "a delete that has not seen the edit is done",
    rule: "CF4",
    file: "core/sync/plan/settle.ts",
    edits: [
      ["const isKnown = hasSeen(base, file.content_dot) && ", "const isKnown = hasSeen(base, file.place_dot) || "],
    ],
  },
  {
    name: "what cannot be read or followed counts as deleted",
    rule: "LO4",
    file: "client/sync/local/scan.ts",
    edits: [
      [
        "listing.entries = entries.filter(",
        'listing.entries = entries.filter(({ kind }) => kind !== "unsyncable").filter(',
      ],
    ],
  },
  {
    name: "a file that has another content counts as touched only",
    rule: "PL8",
    file: "client/sync/plan/view.ts",
    edits: [['return hash === synced.hash ? "same" : "changed";', 'return "same";']],
  },
  {
    name: "what was put to the trash is shown still",
    rule: "EX1",
    file: "client/sync/remote-tree.ts",
    edits: [["if (file.trashed_at !== null) return this.remove(file.file_id);", ""]],
  },
];
