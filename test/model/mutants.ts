import type { Mutant } from "../support/mutate.ts";

/** Ways in which the code could be wrong: each must be found by the model. `node test/model/run-mutants.ts` tries them. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "bytes are removed before the release is known to have gone through",
    rule: "U12",
    file: "core/uploads/service.ts",
    edits: [
      [
        "await release(deps, caller, upload);\n    await series.remove();",
        "await series.remove();\n    await release(deps, caller, upload);",
      ],
    ],
  },
  {
    name: "the row of an upload comes after its bytes",
    rule: "U1",
    file: "core/uploads/service.ts",
    edits: [
      [
        "await (size !== null && size > PACK_MAX ? reserve(deps, caller, upload, false) : stage(deps, upload, needed));",
        "",
      ],
      [
        "const stored = await storeContent(deps, series, upload, body);",
        "const stored = await storeContent(deps, series, upload, body);\n    await stage(deps, upload, needed);",
      ],
    ],
  },
  {
    name: "a chunk is taken whatever its hash",
    rule: "U3",
    file: "core/uploads/chunks.ts",
    edits: [["if (hash !== chunk_id)", "if (hash === null)"]],
  },
  {
    name: "the order of the completion is not the file's",
    rule: "U6",
    file: "core/uploads/segments.ts",
    edits: [["for (const entry of found) entries.push(entry);", "for (const entry of found) entries.unshift(entry);"]],
  },
  {
    name: "the packs of chunks do not become live",
    rule: "PK10",
    file: "core/uploads/service.ts",
    edits: [["packs: [...packs, ...series.finished],", "packs: series.finished,"]],
  },
  {
    name: "a reservation is not settled",
    rule: "Q2",
    file: "core/sync/plan/contents.ts",
    edits: [['if (state !== "open") writes.reserved_delta -= upload.reserved_bytes;', ""]],
  },
  {
    name: "a restored version needs no space",
    rule: "Q3, V10",
    file: "core/sync/plan/contents.ts",
    edits: [["requireSpace(draft, Math.max(0, old.size - file.size));", ""]],
  },
  {
    name: "the current version can be ended",
    rule: "V4",
    file: "core/sync/plan/contents.ts",
    edits: [["if (old.version_id === file.version_id)", "if (old.version_id === null)"]],
  },
  {
    name: "a command is answered before it is committed",
    rule: "U2, H7",
    file: "core/sync/hub.ts",
    edits: [
      [
        "if (writes !== null) await this.#ports.store.commit(writes);",
        "if (writes !== null) void this.#ports.store.commit(writes).catch(() => undefined);",
      ],
    ],
  },
  {
    name: "a repeat is done again",
    rule: "H5",
    file: "core/sync/plan/group.ts",
    edits: [["const done = draft.done.get(op_id);", "const done = draft.done.get(`never ${op_id}`);"]],
  },
  {
    name: "a purge is planned together with what changes the tree",
    rule: "H2, F6",
    file: "core/sync/hub.ts",
    edits: [['["purge", "verify_content", "copy_tree"]', '["verify_content", "copy_tree"]']],
  },
  {
    name: "a store that hangs is waited for without end",
    rule: "H9",
    file: "core/sync/bounded-store.ts",
    edits: [["withDeadline(store.commit(writes), patience)", "store.commit(writes)"]],
  },
  {
    name: "the sweep takes packs that a commit took",
    rule: "E12",
    file: "core/uploads/expire.ts",
    edits: [["keys.filter((key) => !kept.has(key))", "keys.filter(() => kept !== null)"]],
  },
  {
    name: "the sweep forgets a session before its bytes are gone",
    rule: "E11",
    file: "core/uploads/expire.ts",
    edits: [
      [
        "async function finish(deps: ExpiryDeps, upload: UploadRow): Promise<void> {",
        "async function finish(deps: ExpiryDeps, upload: UploadRow): Promise<void> {\n  await deps.store.forget(upload);",
      ],
    ],
  },
  {
    name: "a range ends one byte early",
    rule: "S1",
    file: "core/storage/read.ts",
    edits: [["Math.min(raw.length, offset + length - at)", "Math.min(raw.length, offset + length - at - 1)"]],
  },
  {
    name: "the pack of a batch goes though something was committed",
    rule: "U22",
    file: "core/batch/session.ts",
    edits: [['result.outcome.upload?.state === "aborted"', 'result.outcome.upload?.state !== "open"']],
  },
  {
    name: "the segments of a batch are not in the file's order",
    rule: "U21",
    file: "core/batch/contents.ts",
    edits: [["for (const entry of found) entries.push(entry);", "for (const entry of found) entries.unshift(entry);"]],
  },
  {
    name: "frames that are read over are not counted",
    rule: "U21, U22",
    file: "core/batch/store-frames.ts",
    edits: [
      ["      this.#at += frame.raw_length;\n", ""],
      [
        "this.stored.know(at, frame.raw_length, frame.hash);",
        "this.stored.know(at, frame.raw_length, frame.hash);\n      this.#at += frame.raw_length;",
      ],
    ],
  },
  {
    name: "a repeated change of a batch answers with the newest version",
    rule: "U23",
    file: "core/batch/service.ts",
    edits: [["permission, ...settled }", "permission, ...settled, version_id: found.file.version_id }"]],
  },
  {
    name: "a closed session hides why a change of a batch is refused",
    rule: "U22",
    file: "core/sync/plan/contents.ts",
    edits: [
      [
        "  const edit = requireCommit(draft, target, content, 0, actor);\n",
        "  openUpload(draft, command.upload_id);\n  const edit = requireCommit(draft, target, content, 0, actor);\n",
      ],
    ],
  },
  {
    name: "two changes of a file in one moment are not told apart",
    rule: "H5",
    file: "core/sync/plan/files.ts",
    edits: [["Math.max(draft.now, file.updated_at + 1)", "Math.max(draft.now, file.updated_at)"]],
  },
  {
    name: "the row of a key comes without its copy",
    rule: "K5",
    file: "core/keys/tenant-key.ts",
    edits: [
      [
        "const copy = await copies.create(await newTenantKey(masters, place, now()));",
        "const copy = await newTenantKey(masters, place, now());",
      ],
    ],
  },
  {
    name: "a row is wrapped anew before its copy",
    rule: "K8",
    file: "core/keys/rotate.ts",
    edits: [["  if (copy?.wrapped_key !== to.wrapped_key) await copies.put(to);\n", ""]],
  },
  {
    name: "a copy is overwritten by a row that does not open",
    rule: "K8",
    file: "core/keys/rotate.ts",
    edits: [["    await openTenantKey(masters, row);\n    return row;", "    return row;"]],
  },
  {
    name: "a copy without a row is left so",
    rule: "K8",
    file: "core/keys/rotate.ts",
    edits: [["single.length === 0 ? [] : await deps.keys.missing(single)", "[]"]],
  },
  {
    name: "every version that is old gets another, not only the newest",
    rule: "K8",
    file: "core/keys/rotate.ts",
    edits: [
      [
        "if (!key.is_newest || key.created_at >= made_before) continue;",
        "if (key.created_at >= made_before) continue;",
      ],
    ],
  },
  {
    name: "a master wraps without being looked at",
    rule: "K7",
    file: "core/keys/tenant-key.ts",
    edits: [["  await check.admit(masters.newest);\n", ""]],
  },
  {
    name: "a master is retired while copies need it",
    rule: "K9",
    file: "core/keys/retire.ts",
    edits: [["if (first !== undefined) throw inUse", 'if (first?.[0].startsWith("shard") === true) throw inUse']],
  },
  {
    name: "a tenant's keys stay in R2",
    rule: "I14",
    file: "core/erasure/erase.ts",
    edits: [["  await store.close();\n  await forgetKeys();", "  await store.close();"]],
  },
  {
    name: "the tenant is forgotten before rounds have deleted its packs",
    rule: "I15",
    file: "core/erasure/erase.ts",
    edits: [["if (!isDropped || !(await store.isEmpty())) return false;", "if (!isDropped) return false;"]],
  },
  {
    name: "a base has seen one change more than it has",
    rule: "CF1",
    file: "core/sync/conflicts.ts",
    edits: [[">= Number(dot.slice(colon + 1))", ">= Number(dot.slice(colon + 1)) - 1"]],
  },
  {
    name: "a version has no dot of its own",
    rule: "CF1",
    file: "core/sync/plan/edits.ts",
    edits: [["    vector,\n    content_dot: dot,\n  };", "    vector,\n  };"]],
  },
  {
    name: "an edit looks at where the file is, not at what it holds",
    rule: "CF3",
    file: "core/sync/plan/edits.ts",
    edits: [
      ['kind === "merge" || hasSeen(base, file.content_dot)', 'kind === "merge" || hasSeen(base, file.place_dot)'],
    ],
  },
  {
    name: "a delete wins over an edit",
    rule: "CF4",
    file: "core/sync/plan/settle.ts",
    edits: [["hasSeen(base, file.content_dot) && hasSeen(base, file.place_dot)", "hasSeen(base, file.place_dot)"]],
  },
  {
    name: "a delete wins over a move",
    rule: "CF4",
    file: "core/sync/plan/settle.ts",
    edits: [["hasSeen(base, file.content_dot) && hasSeen(base, file.place_dot)", "hasSeen(base, file.content_dot)"]],
  },
  {
    name: "what is edited stays in the trash",
    rule: "CF4",
    file: "core/sync/plan/edits.ts",
    edits: [["name_key: nameKey(name), trashed_at: null };", "name_key: nameKey(name) };"]],
  },
  {
    name: "a folder is deleted with what was moved into it",
    rule: "CF6",
    file: "core/sync/plan/settle.ts",
    edits: [
      ['new Set(["created", "modified", "updated", "untrashed"])', 'new Set(["created", "modified", "untrashed"])'],
    ],
  },
  {
    name: "a folder is deleted with what came in the same group",
    rule: "CF6, CF13",
    file: "core/sync/draft.ts",
    edits: [["const own = this.writes.journal.filter((entry) => entry.seq > seq);", "const own: JournalRow[] = [];"]],
  },
  {
    name: "a move does not tell that the place is another",
    rule: "CF7",
    file: "core/sync/plan/settle.ts",
    edits: [["trashed_at: null, place_dot: dot };", "trashed_at: null };"]],
  },
  {
    name: "the copy of a copy gets another bracket",
    rule: "CF10",
    file: "core/sync/conflicts.ts",
    edits: [["(is_copy || own === label)", "own === label"]],
  },
  {
    name: "what was overwritten is in the history only",
    rule: "CF12",
    file: "core/sync/plan/edits.ts",
    edits: [["const copy = addFile(draft, loser(draft, file, actor), actor, loserOf(op_id));", "const copy = file;"]],
  },
  {
    name: "the repeat of a delete that was not done says that it was",
    rule: "CF13",
    file: "core/sync/replay.ts",
    edits: [['entry.op === "kept" || loser', "loser"]],
  },
];
