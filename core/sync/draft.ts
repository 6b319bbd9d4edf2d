/** A drive's state while a group of commands is planned over it: what was read, what the earlier commands changed. */
import { DriveError } from "../protocol/errors.ts";
import { atLeast } from "../sharing/rights.ts";
import type { DriveRow, FileRow, JournalRow, NewVersion } from "../files/model.ts";
import { dueAfter } from "../events/due.ts";
import type { JournalOp } from "../protocol/sync.ts";
import type { Actor } from "./commands.ts";
import { CHANGED_MAX, type Needs, type Snapshot, type Writes } from "./ports.ts";

/** Folders in folders; keeps every walk over ancestors bounded. */
export const MAX_DEPTH = 128;

/**
 * What a plan finds to be missing once it sees what there is: a conflict's free names, the folders of what comes back.
 * It is read, and the whole group is planned again.
 */
export class Unread extends Error {
  readonly add: (needs: Needs) => void;

  constructor(add: (needs: Needs) => void) {
    super("unread");
    this.add = add;
  }
}

const nameId = (parent: string, key: string): string => `${parent}/${key}`;

export class Draft {
  readonly snapshot: Snapshot;
  readonly now: number;
  readonly newId: () => string;
  readonly writes: Writes;
  /** What the commands add to histories. */
  readonly versions: NewVersion[] = [];
  /** Commands that were already committed, by their operations. */
  readonly done: ReadonlyMap<string, Snapshot["done"][number]>;
  readonly #files = new Map<string, FileRow>();
  readonly #names = new Map<string, string | null>();
  readonly #dirty = new Set<string>();
  /** Folders that were there before the group. */
  readonly #stored: ReadonlySet<string>;
  readonly #numbered: ReadonlySet<string>;
  readonly #paths: ReadonlySet<string>;
  readonly #grants: ReadonlySet<string>;
  readonly #since: number;

  /** @param read what the snapshot answers */
  constructor(snapshot: Snapshot, read: Needs, now: number, newId: () => string) {
    // Commands put other rows into these lists: the group may be planned again over the same snapshot.
    const { uploads, permissions, versions } = snapshot;
    this.snapshot = { ...snapshot, uploads: [...uploads], permissions: [...permissions], versions: [...versions] };
    this.done = new Map(snapshot.done.map((done) => [done.entry.op_id, done]));
    this.#stored = new Set([...snapshot.trees, ...snapshot.files].map((file) => file.file_id));
    this.#numbered = new Set(read.numbered.map(({ parent_id, prefix }) => nameId(parent_id, prefix)));
    const names = read.names.map(({ parent_id, name_key }) => nameId(parent_id, name_key));
    this.#paths = new Set([...names, ...read.paths.map(({ parent_id, keys }) => nameId(parent_id, keys.join("/")))]);
    this.#grants = read.grants;
    this.#since = read.since ?? Infinity;
    this.now = now;
    this.newId = newId;
    const { seq, due, used_bytes, reserved_bytes } = snapshot.drive;
    this.writes = {
      expected: { seq, used_bytes, reserved_bytes },
      seq,
      due,
      used_delta: 0,
      reserved_delta: 0,
      files: [],
      versions: [],
      contents: [],
      hooks: [],
      verifications: [],
      verified: [],
      packs: [],
      borrowed: [],
      permissions: [],
      uploads: [],
      settled: [],
      purged_files: [],
      purged_versions: [],
      journal: [],
    };
    for (const taken of snapshot.taken) this.#names.set(nameId(taken.parent_id, taken.name_key), null);
    for (const file of [...snapshot.trees, ...snapshot.files]) this.#index(file);
  }

  get drive(): DriveRow {
    return this.snapshot.drive;
  }

  #index(file: FileRow): void {
    this.#files.set(file.file_id, file);
    if (file.parent_id !== null && file.trashed_at === null)
      this.#names.set(nameId(file.parent_id, file.name_key), file.file_id);
  }

  /** A file of this drive. What was purged in this group is gone. */
  find(file_id: string): FileRow | null {
    const file = this.#files.get(file_id);
    return file !== undefined && file.drive_id === this.drive.drive_id ? file : null;
  }

  /** Whether an id is in use, in this drive or another one. */
  isKnown(file_id: string): boolean {
    return this.#files.has(file_id);
  }

  get(file_id: string): FileRow {
    const file = this.find(file_id);
    if (file === null) throw new DriveError("not_found", "There is no such file.");
    return file;
  }

  /** Files that were read and have this content. */
  having(content_id: string): FileRow[] {
    return [...this.#files.values()].filter((file) => file.content_id === content_id);
  }

  /** The file itself and its ancestors, nearest first. */
  chain(file: FileRow): FileRow[] {
    const chain = [file];
    for (let at = file; at.parent_id !== null; at = chain.at(-1) as FileRow) {
      const parent = this.find(at.parent_id);
      if (parent === null) break;
      chain.push(parent);
    }
    return chain;
  }

  isTrashed(file: FileRow): boolean {
    return this.chain(file).some((f) => f.trashed_at !== null);
  }

  living(file_id: string): FileRow {
    const file = this.get(file_id);
    if (this.isTrashed(file)) throw new DriveError("trashed", "This is in the trash.", { file_id });
    return file;
  }

  /** A folder that can take something new. */
  folder(parent_id: string): FileRow {
    const folder = this.find(parent_id);
    if (folder === null) throw new DriveError("parent_not_found", "The folder does not exist.");
    if (!folder.is_folder) throw new DriveError("not_a_folder", `“${folder.name}” is not a folder.`);
    const chain = this.chain(folder);
    if (chain.some((f) => f.trashed_at !== null))
      throw new DriveError("trashed", `The folder “${folder.name}” is in the trash.`, { file_id: parent_id });
    if (chain.length >= MAX_DEPTH) throw new DriveError("too_deep", `Folders can be nested ${MAX_DEPTH} deep at most.`);
    return folder;
  }

  isTaken(parent_id: string, key: string): boolean {
    return this.#names.has(nameId(parent_id, key));
  }

  /** The living holder of a name, if it was read as a whole row. */
  holder(parent_id: string, key: string): FileRow | null {
    const id = this.#names.get(nameId(parent_id, key));
    return id === undefined || id === null ? null : this.find(id);
  }

  /** Before a free name is looked for in a folder. */
  requireNumbered(parent_id: string, prefix: string): void {
    if (this.#stored.has(parent_id) && !this.#numbered.has(nameId(parent_id, prefix)))
      throw new Unread(({ numbered }) => numbered.push({ parent_id, prefix }));
  }

  /** Before the way down to a name is gone. */
  requirePath(parent_id: string, keys: string[]): void {
    if (this.#stored.has(parent_id) && !this.#paths.has(nameId(parent_id, keys.join("/"))))
      throw new Unread(({ paths }) => paths.push({ parent_id, keys }));
  }

  requireFile(file_id: string): void {
    if (this.find(file_id) === null) throw new Unread(({ file_ids }) => file_ids.add(file_id));
  }

  /** Whether who changes something may make something in a folder that it does not name. */
  mayWriteIn(folder: FileRow, { user_id }: Actor): boolean {
    if (user_id === this.drive.drive_id) return true;
    const above = this.chain(folder).flatMap(({ file_id }) => (this.#stored.has(file_id) ? [file_id] : []));
    if (above.some((file_id) => !this.#grants.has(file_id)))
      throw new Unread(({ grants }) => {
        for (const file_id of above) grants.add(file_id);
      });
    return this.snapshot.permissions.some(
      (grant) =>
        grant.user_id === user_id &&
        above.includes(grant.file_id) &&
        grant.revoked_at === null &&
        (grant.expires_at ?? Infinity) > this.now &&
        atLeast(grant.permission, "edit"),
    );
  }

  /**
   * What happened behind a sequence number, this group's changes among it; null when that is more than is looked at, or
   * not kept any more.
   */
  changesSince(seq: number): Pick<JournalRow, "seq" | "op" | "file_id" | "device_id">[] | null {
    const { changed, drive } = this.snapshot;
    if (seq + 1 < drive.first_seq) return null;
    const own = this.writes.journal.filter((entry) => entry.seq > seq);
    if (seq >= drive.seq) return own;
    if (seq < this.#since) throw new Unread((needs) => (needs.since = Math.min(needs.since ?? seq, seq)));
    if (changed.length > CHANGED_MAX && (changed.at(-1) as { seq: number }).seq > seq + 1) return null;
    return [...changed.filter((entry) => entry.seq > seq), ...own];
  }

  put(file: FileRow): void {
    const before = this.#files.get(file.file_id);
    if (before !== undefined && before.parent_id !== null && before.trashed_at === null)
      this.#names.delete(nameId(before.parent_id, before.name_key));
    this.#index(file);
    this.#dirty.add(file.file_id);
  }

  purge(file: FileRow): void {
    this.#files.delete(file.file_id);
    this.#dirty.delete(file.file_id);
    this.writes.purged_files.push(file.file_id);
  }

  /** Appends to the journal: every committed command has exactly one entry, found again by its `op_id`. */
  record(
    op: JournalOp,
    actor: Actor,
    op_id: string,
    subject: {
      file_id: string;
      version_id?: string | null;
      permission_id?: string | null;
      conflict_of?: string | null;
    },
  ): void {
    const entry: JournalRow = {
      tenant_id: this.drive.tenant_id,
      drive_id: this.drive.drive_id,
      seq: ++this.writes.seq,
      op,
      file_id: subject.file_id,
      from_id: null,
      version_id: subject.version_id ?? null,
      permission_id: subject.permission_id ?? null,
      op_id,
      actor_id: actor.user_id,
      device_id: actor.device_id,
      conflict_of: op === "created" ? (subject.conflict_of ?? null) : null,
      at: this.now,
    };
    this.writes.journal.push(entry);
  }

  /** Bytes still free for new content, reservations counted. */
  get free(): number {
    const { used_bytes, reserved_bytes, limit_bytes } = this.drive;
    return limit_bytes - used_bytes - reserved_bytes - this.writes.used_delta - this.writes.reserved_delta;
  }

  /** Of each entry where its file was before the group, when it is there no more. */
  #noteMoves(): void {
    const { files, trees } = this.snapshot;
    const before = new Map([...trees, ...files].map(({ file_id, parent_id }) => [file_id, parent_id]));
    for (const entry of this.writes.journal) {
      const was = before.get(entry.file_id) ?? null;
      if (was !== (this.find(entry.file_id)?.parent_id ?? null)) entry.from_id = was;
    }
  }

  /** The writes of the whole group; null when nothing changed. */
  finish(): Writes | null {
    const { writes } = this;
    this.#noteMoves();
    writes.files = [...this.#dirty].map((id) => this.#files.get(id) as FileRow);
    // Here and nowhere else: the first version of a content that the batch brings is its home (G2).
    const homeless = new Set(writes.contents.map((content) => content.content_id));
    writes.versions = this.versions.map((version) => ({ ...version, is_shared: !homeless.delete(version.content_id) }));
    writes.due = dueAfter(this.drive.due, writes.journal, writes.seq, (file_id) => this.find(file_id));
    const changes = [writes.journal, writes.uploads, writes.settled, writes.verified];
    return changes.every((rows) => rows.length === 0) ? null : writes;
  }
}
