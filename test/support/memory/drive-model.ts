/** A drive as simple as it can be said: what the hub must agree with after any commands in any order. */
import { freeName, nameKey } from "../../../core/files/names.ts";
import type { ErrorCode } from "../../../core/protocol/errors.ts";

export interface Node {
  parent: string | null;
  name: string;
  folder: boolean;
  trashed: boolean;
  /** By number, the current one last; empty for a folder. */
  versions: Version[];
}

export interface Version {
  id: string;
  size: number;
  /** Counted from 1; no number is given again while the file lives. */
  number: number;
}

/** A name in a folder, or a file that gets a version. */
export type Place =
  | { parent: string; name: string; conflict?: "fail" | "rename" | "new_version" }
  | { file: string; if_version?: string | null };

/** What a command does once the ids that were made are known. */
export type Done = (id: string, version: string) => void;

export interface Upload {
  state: "open" | "committed" | "aborted";
  reserved: number;
  /** Null for a batch. */
  at: Place | null;
}

/** What a refused command answers. */
export class Refused extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode) {
    super(code);
    this.code = code;
  }
}

const refuse = (code: ErrorCode): never => {
  throw new Refused(code);
};

const sizeOf = (node: Node): number => node.versions.at(-1)?.size ?? 0;

export class DriveModel {
  readonly root: string;
  readonly limit: number;
  readonly nodes = new Map<string, Node>();
  readonly uploads = new Map<string, Upload>();
  /** Batches of which something was committed. */
  readonly #begun = new Set<Upload>();
  /** Takes everything: for commands of which it is known that they were taken. */
  hasSpace = false;
  used = 0;
  reserved = 0;
  /** Committed commands that the journal tells of. */
  changes = 0;

  constructor(root: string, limit: number) {
    this.root = root;
    this.limit = limit;
    this.nodes.set(root, { parent: null, name: "My Drive", folder: true, trashed: false, versions: [] });
  }

  /** From a node up; ends early where an ancestor was purged. */
  #chain(id: string): string[] {
    const node = this.nodes.get(id);
    return node === undefined ? [] : [id, ...(node.parent === null ? [] : this.#chain(node.parent))];
  }

  #lives(id: string): boolean {
    const chain = this.#chain(id);
    return chain.at(-1) === this.root && chain.every((at) => !this.nodes.get(at)!.trashed);
  }

  #living(id: string): Node {
    const node = this.nodes.get(id) ?? refuse("not_found");
    return this.#lives(id) ? node : refuse("trashed");
  }

  #folder(id: string): void {
    const node = this.nodes.get(id) ?? refuse("parent_not_found");
    if (!node.folder) refuse("not_a_folder");
    if (!this.#lives(id)) refuse("trashed");
  }

  #holder(parent: string, key: string, but?: string): string | null {
    for (const [id, n] of this.nodes)
      if (id !== but && n.parent === parent && !n.trashed && nameKey(n.name) === key) return id;
    return null;
  }

  #taken(parent: string, key: string, but?: string): boolean {
    return this.#holder(parent, key, but) !== null;
  }

  #free(parent: string, name: string): string {
    return this.#taken(parent, nameKey(name)) ? freeName(name, (key) => this.#taken(parent, key)) : name;
  }

  #needSpace(bytes: number): void {
    if (!this.hasSpace && bytes > this.limit - this.used - this.reserved) refuse("quota_exceeded");
  }

  createFolder(parent: string, name: string, rename: boolean) {
    this.#folder(parent);
    if (!rename && this.#taken(parent, nameKey(name))) refuse("name_taken");
    const chosen = this.#free(parent, name);
    return (id: string) => this.#add(id, { parent, name: chosen, folder: true, trashed: false, versions: [] });
  }

  #add(id: string, node: Node): void {
    this.nodes.set(id, node);
    this.used += sizeOf(node);
    this.changes++;
  }

  update(id: string, to: { name?: string; parent?: string }): void {
    const node = this.#living(id);
    if (node.parent === null) refuse("root_is_fixed");
    const parent = to.parent ?? (node.parent as string);
    this.#folder(parent);
    if (this.#chain(parent).includes(id)) refuse("cannot_move_into_itself");
    const name = to.name ?? node.name;
    if (this.#taken(parent, nameKey(name), id)) refuse("name_taken");
    Object.assign(node, { parent, name });
    this.changes++;
  }

  trash(id: string): void {
    const node = this.#living(id);
    if (node.parent === null) refuse("root_is_fixed");
    node.trashed = true;
    this.changes++;
  }

  untrash(id: string): void {
    const node = this.nodes.get(id) ?? refuse("not_found");
    if (!node.trashed) refuse("not_trashed");
    const parent =
      this.#chain(id)
        .slice(1)
        .find((at) => this.#lives(at)) ?? this.root;
    Object.assign(node, { parent, name: this.#free(parent, node.name), trashed: false });
    this.changes++;
  }

  purge(id: string): void {
    const node = this.nodes.get(id) ?? refuse("not_found");
    if (!node.trashed) refuse("not_trashed");
    this.#remove(id);
    this.changes++;
  }

  /** With all below, but for what waits in the trash in its own right. */
  #remove(id: string): void {
    for (const [child, n] of this.nodes) if (n.parent === id && !n.trashed) this.#remove(child);
    this.used -= sizeOf(this.nodes.get(id)!);
    this.nodes.delete(id);
  }

  #checkTarget(at: Place): void {
    if ("file" in at) {
      const node = this.#living(at.file);
      if (node.folder) refuse("not_a_file");
      if (at.if_version != null && at.if_version !== node.versions.at(-1)?.id) refuse("precondition_failed");
      return;
    }
    this.#folder(at.parent);
    if ((at.conflict ?? "fail") === "fail" && this.#taken(at.parent, nameKey(at.name))) refuse("name_taken");
  }

  /** The file that gets a version, if one does. */
  #follows(at: Place): string | null {
    if ("file" in at) return at.file;
    return at.conflict === "new_version" ? this.#holder(at.parent, nameKey(at.name)) : null;
  }

  #place(at: Place, size: number): Done {
    this.#checkTarget(at);
    if ("file" in at) return (_, id) => this.#newVersion(at.file, id, size);
    const holder = this.#holder(at.parent, nameKey(at.name));
    if (at.conflict === "new_version" && holder !== null) {
      if (this.nodes.get(holder)!.folder) refuse("name_taken");
      return (_, id) => this.#newVersion(holder, id, size);
    }
    const { parent } = at;
    const name = at.conflict === "rename" ? this.#free(parent, at.name) : at.name;
    return (id, version) =>
      this.#add(id, { parent, name, folder: false, trashed: false, versions: [{ id: version, size, number: 1 }] });
  }

  /** Why an upload of this size could not be made there; null when it could. */
  refusal(at: Place, size: number): ErrorCode | null {
    try {
      this.#checkTarget(at);
      this.#needSpace(size);
      this.#place(at, size);
      return null;
    } catch (error) {
      if (error instanceof Refused) return error.code;
      throw error;
    }
  }

  reserve(upload_id: string, at: Place | null, size: number): void {
    if (this.uploads.has(upload_id)) return;
    if (!this.hasSpace && at !== null) this.#checkTarget(at);
    this.#needSpace(size);
    this.reserved += size;
    this.uploads.set(upload_id, { state: "open", reserved: size, at });
  }

  #open(upload_id: string): Upload {
    const upload = this.uploads.get(upload_id);
    if (upload === undefined || upload.state === "aborted") return refuse("unknown_upload");
    return upload.state === "committed" ? refuse("upload_completed") : upload;
  }

  release(upload_id: string): void {
    if (this.uploads.get(upload_id)?.state === "aborted") return;
    const upload = this.#open(upload_id);
    this.#settle(upload, "aborted");
  }

  commit(upload_id: string, size: number): Done {
    const upload = this.#open(upload_id);
    const put = this.#put(upload.reserved, upload.at ?? refuse("internal"), size);
    return (id: string, version: string): void => {
      this.#settle(upload, "committed");
      put(id, version);
    };
  }

  /** One file of a batch, which goes on. */
  commitContent(upload_id: string, at: Place, size: number): Done {
    // Why it is refused is told before how its session is.
    const put = this.#put(0, at, size);
    const upload = this.#open(upload_id);
    if (upload.at !== null) refuse("internal");
    return (id: string, version: string): void => {
      this.#begun.add(upload);
      put(id, version);
    };
  }

  close(upload_id: string): void {
    const upload = this.uploads.get(upload_id) ?? refuse("unknown_upload");
    if (upload.state === "open") this.#settle(upload, this.#begun.has(upload) ? "committed" : "aborted");
  }

  #settle(upload: Upload, state: "committed" | "aborted"): void {
    this.reserved -= upload.reserved;
    upload.state = state;
  }

  #put(reserved: number, at: Place, size: number): Done {
    const before = this.nodes.get(this.#follows(at) ?? "");
    const excess = Math.max(0, size - (before === undefined ? 0 : sizeOf(before)) - reserved);
    if (excess > 0) this.#needSpace(excess);
    return this.#place(at, size);
  }

  #newVersion(file: string, id: string, size: number): void {
    const node = this.nodes.get(file)!;
    this.used += size - sizeOf(node);
    node.versions.push({ id, size, number: node.versions.at(-1)!.number + 1 });
    this.changes++;
  }

  /** A file or a version of bytes that are there already. */
  createKnown(size: number, at: Place): Done {
    this.#needSpace(size);
    return this.#place(at, size);
  }

  /** The same of what another file has now. */
  createFrom(source: string, at: Place): Done {
    const node = this.#living(source);
    if (node.folder) refuse("not_a_file");
    return this.createKnown(sizeOf(node), at);
  }

  /**
   * @param as the name asked for: the copy gets it, or a numbered one
   * @returns what to do once it is known which id and version each item of the tree got, by its own id
   */
  copyTree(source: string, parent: string, as: string): (made: Map<string, { id: string; version: string }>) => void {
    this.#living(source);
    this.#folder(parent);
    if (this.#chain(parent).includes(source)) refuse("cannot_move_into_itself");
    const below = this.livingBelow(source);
    this.#needSpace(below.reduce((sum, id) => sum + sizeOf(this.nodes.get(id)!), 0));
    const name = this.#free(parent, as);
    return (made) => {
      for (const id of [source, ...below]) {
        const from = this.nodes.get(id)!;
        const { id: copy, version } = made.get(id)!;
        const place =
          id === source ? { parent, name } : { parent: made.get(from.parent as string)!.id, name: from.name };
        const versions = from.folder ? [] : [{ id: version, size: sizeOf(from), number: 1 }];
        this.#add(copy, { ...place, folder: from.folder, trashed: false, versions });
      }
    };
  }

  /** What lives below, parents before children. */
  livingBelow(id: string): string[] {
    const level = [...this.nodes].filter(([, n]) => n.parent === id && !n.trashed).map(([child]) => child);
    return level.flatMap((child) => [child, ...this.livingBelow(child)]);
  }

  restoreVersion(id: string, version: string): Done {
    const node = this.#living(id);
    const old = node.versions.find((v) => v.id === version) ?? refuse("not_found");
    this.#needSpace(Math.max(0, old.size - sizeOf(node)));
    return (_, made) => this.#newVersion(id, made, old.size);
  }

  purgeVersion(id: string, version: string): void {
    const node = this.nodes.get(id) ?? refuse("not_found");
    const at = node.versions.findIndex((v) => v.id === version);
    if (at < 0) refuse("not_found");
    if (at === node.versions.length - 1) refuse("forbidden");
    node.versions.splice(at, 1);
    this.changes++;
  }

  purgeVersions(id: string, versions: string[]): void {
    const node = this.nodes.get(id) ?? refuse("not_found");
    const kept = node.versions.filter((v, at) => at === node.versions.length - 1 || !versions.includes(v.id));
    if (kept.length === node.versions.length) return;
    node.versions = kept;
    this.changes++;
  }
}
