/** A drive's store in memory: the rules of the D1 one, for tests of what stands on it. `test/contract` holds both to them. */
import type {
  ContentRow,
  PackRow,
  DriveRow,
  FileRow,
  HookRow,
  JournalRow,
  PermissionRow,
  VerificationRow,
  VersionRow,
} from "../../../core/files/model.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import {
  CHANGED_MAX,
  COPY_MAX,
  type DriveStore,
  type Needs,
  neededPacks,
  PURGE_MAX,
  sharedContents,
  type Snapshot,
  type Writes,
} from "../../../core/sync/ports.ts";
import type { UploadRow } from "../../../core/uploads/model.ts";

export interface State {
  tenant_state: "active" | "moving" | "deleted";
  drive: DriveRow;
  files: Map<string, FileRow>;
  versions: Map<string, VersionRow>;
  contents: Map<string, ContentRow>;
  hooks: Map<string, HookRow>;
  verifications: Map<string, VerificationRow>;
  packs: Map<string, PackRow>;
  permissions: Map<string, PermissionRow>;
  uploads: Map<string, UploadRow>;
  /** By sequence number. */
  journal: JournalRow[];
}

const versionKey = (v: { file_id: string; version_number: number }): string => `${v.file_id}/${v.version_number}`;
const permissionKey = (p: { file_id: string; permission_id: string }): string => `${p.file_id}/${p.permission_id}`;

const present = <T>(rows: (T | undefined)[]): T[] => rows.filter((row) => row !== undefined);

/** A plain insert: a key that exists fails the batch. */
function insert<T>(into: Map<string, T>, key: string, row: T, table: string): void {
  if (into.has(key)) throw new Error(`UNIQUE constraint failed: ${table}`);
  into.set(key, row);
}

export class MemoryDriveStore implements DriveStore {
  #state: State;

  constructor(tenant_id: TenantId, drive_id: string, limit_bytes: number, now: number) {
    const base = { tenant_id, drive_id, name: "My Drive", created_at: now };
    const drive = {
      ...base,
      kind: "personal",
      seq: 0,
      first_seq: 1,
      due: {},
      used_bytes: 0,
      reserved_bytes: 0,
      limit_bytes,
    } as const;
    const root: FileRow = {
      tenant_id,
      file_id: drive_id,
      drive_id,
      parent_id: null,
      name: "My Drive",
      name_key: "my drive",
      is_folder: true,
      size: 0,
      mime_type: null,
      content_id: null,
      content_hash: null,
      integrity: "ok",
      version_id: null,
      version_number: 0,
      version_count: 0,
      vector: {},
      content_dot: "",
      place_dot: "",
      conflict_of: null,
      conflict_policy: null,
      metadata: {},
      created_by: drive_id,
      created_at: now,
      updated_at: now,
      modified_at: null,
      trashed_at: null,
    };
    this.#state = {
      tenant_state: "active",
      drive,
      files: new Map([[drive_id, root]]),
      versions: new Map(),
      contents: new Map(),
      hooks: new Map(),
      verifications: new Map(),
      packs: new Map(),
      permissions: new Map(),
      uploads: new Map(),
      journal: [],
    };
  }

  /** All of it, for a test to look at; a commit replaces it, so it is a snapshot. */
  get state(): Readonly<State> {
    return this.#state;
  }

  /** What an operator or a sweep does behind the hub's back. */
  interfere(change: (state: State) => void): void {
    change(this.#state);
  }

  async load(needs: Needs): Promise<Snapshot | null> {
    const { drive, files, uploads, contents, versions, permissions, journal } = this.#state;
    const living = [...files.values()].filter((f) => f.trashed_at === null);
    const byName = ({ parent_id, name_key }: Needs["names"][number]): FileRow[] =>
      living.filter((f) => f.parent_id === parent_id && f.name_key === name_key);
    const numbered = needs.numbered.flatMap(({ parent_id, prefix }) =>
      living.filter((f) => f.parent_id === parent_id && f.name_key.startsWith(prefix)),
    );
    const levels = (id: string): number =>
      Math.max(0, ...living.filter((f) => f.parent_id === id).map((f) => 1 + levels(f.file_id)));
    const granted = [...permissions.values()].filter(
      (p) => needs.grants.has(p.file_id) && p.kind !== "link" && p.revoked_at === null,
    );
    const asked = present(needs.permissions.map((p) => permissions.get(permissionKey(p))));
    const pending = [...files.values()].filter(
      (f) => f.integrity === "pending" && needs.pending_ids.has(f.content_id ?? ""),
    );
    const done = journal.filter((entry) => needs.op_ids.has(entry.op_id));
    const { since } = needs;
    const changed =
      since === null
        ? []
        : journal
            .filter(({ seq }) => seq > since)
            .toReversed()
            .slice(0, CHANGED_MAX + 1);
    return structuredClone({
      drive,
      files: [
        ...this.#chains(needs.file_ids),
        ...needs.names.flatMap(byName),
        ...needs.paths.flatMap((path) => wayOf(path, byName)),
        ...this.#chains(changed.map(({ file_id }) => file_id)),
        ...pending,
      ],
      changed: changed.map(({ seq, op, file_id, device_id }) => ({ seq, op, file_id, device_id })),
      trees: this.#below([...needs.tree_ids]).slice(0, COPY_MAX + 1),
      sums: this.#sums(needs.sum_ids),
      heights: new Map([...needs.height_ids].map((id) => [id, levels(id)])),
      taken: numbered.map(({ parent_id, name_key }) => ({ parent_id: parent_id as string, name_key })),
      uploads: present([...needs.upload_ids].map((id) => uploads.get(id))),
      packs: present([...needs.pack_ids].map((id) => this.#state.packs.get(id))).map(({ pack_id, state }) => ({
        pack_id,
        state,
      })),
      contents: present([...needs.content_ids].map((id) => contents.get(id)))
        .filter(({ content_id }) => isLiving(this.#state, content_id))
        .map(({ content_id, content_hash, size }) => ({ content_id, content_hash, size })),
      versions: [
        ...new Set([
          ...needs.versions.flatMap(({ file_id, version_id }) =>
            [...versions.values()].filter((v) => v.file_id === file_id && v.version_id === version_id),
          ),
          ...needs.histories.flatMap((wanted) => this.#oldest(wanted)),
        ]),
      ],
      permissions: [...new Set([...asked, ...granted])],
      done: done.map((entry) => ({
        entry,
        file: files.get(entry.file_id) ?? null,
        original: files.get(entry.conflict_of ?? "") ?? null,
        permission:
          permissions.get(permissionKey({ file_id: entry.file_id, permission_id: entry.permission_id ?? "" })) ?? null,
      })),
    });
  }

  #oldest({ file_id, through }: Needs["histories"][number]): VersionRow[] {
    return [...this.#state.versions.values()]
      .filter((v) => v.file_id === file_id && v.version_number <= through)
      .toSorted((a, b) => a.version_number - b.version_number)
      .slice(0, PURGE_MAX);
  }

  #chains(ids: Iterable<string>): FileRow[] {
    const found = new Set<FileRow>();
    for (const id of ids)
      for (let at = this.#state.files.get(id); at !== undefined; at = this.#state.files.get(at.parent_id ?? ""))
        found.add(at);
    return [...found];
  }

  /** What lives below, parents before children; what was trashed by itself is not followed. */
  #below(ids: string[]): FileRow[] {
    const level = [...this.#state.files.values()].filter(
      (f) => f.trashed_at === null && f.parent_id !== null && ids.includes(f.parent_id),
    );
    return level.length === 0 ? [] : [...level, ...this.#below(level.map((f) => f.file_id))];
  }

  #sums(ids: Iterable<string>): Snapshot["sums"] {
    const sums: Snapshot["sums"] = new Map();
    for (const file of present([...ids].map((id) => this.#state.files.get(id)))) {
      const all = [file, ...this.#below([file.file_id])];
      sums.set(file.file_id, { bytes: all.reduce((sum, f) => sum + f.size, 0), count: all.length });
    }
    return sums;
  }

  async commit(planned: Writes): Promise<void> {
    // What its owner does to the rows later is not stored.
    const writes = structuredClone(planned);
    const next = copyOf(this.#state);
    if (next.tenant_state !== "active") throw new Error("tenant_not_active");
    const { seq, used_bytes, reserved_bytes } = writes.expected;
    if (next.drive.seq !== seq || next.drive.used_bytes !== used_bytes || next.drive.reserved_bytes !== reserved_bytes)
      throw new Error("drive_moved");
    next.drive.seq = writes.seq;
    next.drive.due = writes.due;
    next.drive.used_bytes += writes.used_delta;
    next.drive.reserved_bytes += writes.reserved_delta;
    if (sharedContents(writes).some((id) => !isLiving(next, id))) throw new Error("content_gone");
    this.#purge(next, writes);
    for (const file of writes.files) next.files.set(file.file_id, file);
    requireUniqueNames(next.files.values());
    for (const pack of writes.packs) if (!next.packs.has(pack.pack_id)) next.packs.set(pack.pack_id, pack);
    if (neededPacks(writes).some((id) => next.packs.get(id)?.state !== "live")) throw new Error("pack_not_live");
    for (const content of writes.contents) insert(next.contents, content.content_id, content, "contents");
    for (const hook of writes.hooks)
      insert(next.hooks, `${hook.drive_id}/${hook.hash}/${hook.content_id}`, hook, "hooks");
    for (const row of writes.verifications) insert(next.verifications, row.content_id, row, "verifications");
    for (const version of writes.versions) insert(next.versions, versionKey(version), version, "versions");
    for (const permission of writes.permissions) next.permissions.set(permissionKey(permission), permission);
    for (const upload of writes.uploads) insert(next.uploads, upload.upload_id, upload, "uploads");
    for (const settled of writes.settled) {
      const upload = next.uploads.get(settled.upload_id);
      if (upload?.state !== "open") throw new Error("upload_not_open");
      next.uploads.set(settled.upload_id, { ...upload, ...settled });
    }
    for (const { content_id, content_hash } of writes.verified)
      for (const table of [next.contents, next.versions] as Map<string, ContentRow | VersionRow>[])
        for (const [key, row] of table)
          if (row.content_id === content_id && row.content_hash === null) table.set(key, { ...row, content_hash });
    if (writes.journal.length > 0) requireUniqueEntries([...next.journal, ...writes.journal]);
    next.journal.push(...writes.journal);
    this.#state = next;
  }

  #purge(next: State, { purged_files, purged_versions }: Writes): void {
    const keys = new Set(purged_versions.map(versionKey));
    const gone = new Set([...purged_files, ...this.#below(purged_files).map((f) => f.file_id)]);
    for (const version of next.versions.values()) {
      const content = next.contents.get(version.content_id);
      const ends = keys.has(versionKey(version)) || gone.has(version.file_id);
      if (ends && !version.is_shared && content !== undefined)
        next.contents.set(content.content_id, { ...content, is_ended: true });
    }
    for (const key of keys) next.versions.delete(key);
    for (const id of gone) next.files.delete(id);
    for (const table of [next.versions, next.permissions] as Map<string, { file_id: string }>[])
      for (const [key, { file_id }] of table) if (gone.has(file_id)) table.delete(key);
  }
}

/** Each item on the way that is there. */
function wayOf(
  { parent_id, keys: [name_key, ...rest] }: Needs["paths"][number],
  byName: (name: Needs["names"][number]) => FileRow[],
): FileRow[] {
  const found = name_key === undefined ? [] : byName({ parent_id, name_key });
  return found.flatMap((file) => [file, ...wayOf({ parent_id: file.file_id, keys: rest }, byName)]);
}

/** docs/spec/durability.md, G1 and G2. */
export function isLiving({ contents, versions }: Pick<State, "contents" | "versions">, content_id: string): boolean {
  const content = contents.get(content_id);
  if (content === undefined) return false;
  return !content.is_ended || [...versions.values()].some((v) => v.is_shared && v.content_id === content_id);
}

/** Rows are never changed in place, so tables are all that a copy needs. */
const copyOf = (state: State): State => ({
  ...state,
  drive: { ...state.drive },
  files: new Map(state.files),
  versions: new Map(state.versions),
  contents: new Map(state.contents),
  hooks: new Map(state.hooks),
  packs: new Map(state.packs),
  verifications: new Map(state.verifications),
  permissions: new Map(state.permissions),
  uploads: new Map(state.uploads),
  journal: [...state.journal],
});

function requireUniqueEntries(journal: readonly JournalRow[]): void {
  const [seqs, op_ids] = [new Set(journal.map((e) => e.seq)), new Set(journal.map((e) => e.op_id))];
  if (Math.min(seqs.size, op_ids.size) < journal.length) throw new Error("UNIQUE constraint failed: journal");
}

function requireUniqueNames(files: Iterable<FileRow>): void {
  const seen = new Set<string>();
  for (const { parent_id, name_key, trashed_at } of files) {
    if (parent_id === null || trashed_at !== null) continue;
    const key = `${parent_id}/${name_key}`;
    if (seen.has(key)) throw new Error("UNIQUE constraint failed: files_name");
    seen.add(key);
  }
}
