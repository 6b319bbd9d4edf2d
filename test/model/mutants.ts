/** Ways in which the code could be wrong: each must be found by the model. `node test/model/run-mutants.ts` tries them. */
export interface Mutant {
  /** What is broken. */
  name: string;
  rule: string;
  file: string;
  /** Texts of the file, each there once, and what takes their place. */
  edits: readonly [from: string, to: string][];
}

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
      ["await (size !== null && size > PACK_MAX ? reserve(deps, caller, upload, false) : stage(deps, upload));", ""],
      [
        "const stored = await storeContent(deps, series, upload, body);",
        "const stored = await storeContent(deps, series, upload, body);\n    await stage(deps, upload);",
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
    file: "core/sync/hub.ts",
    edits: [["done === undefined ? plan(draft, submission) : replay(done, submission)", "plan(draft, submission)"]],
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
    edits: [["version_id: found.entry.version_id", "version_id: found.file.version_id"]],
  },
  {
    name: "a closed session hides why a change of a batch is refused",
    rule: "U22",
    file: "core/sync/plan/contents.ts",
    edits: [
      [
        "  requireCommit(draft, target, content, 0);\n",
        "  openUpload(draft, command.upload_id);\n  requireCommit(draft, target, content, 0);\n",
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
        "store.add(await copies.create(await newTenantKey(masters, place, now())))",
        "store.add(await newTenantKey(masters, place, now()))",
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
];
