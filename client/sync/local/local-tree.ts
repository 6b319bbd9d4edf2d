/** What the disk has, as far as it was scanned: nodes bound to the files that they are, where that is known (PL2). */
import type { DiskEntry, Fingerprint } from "../ports.ts";
import { Tree } from "../tree.ts";

export interface LocalNode {
  parent_id: string | null;
  /** NFC. */
  name: string;
  /** As the disk spells it. */
  disk_name: string;
  is_folder: boolean;
  /** Of what was seen last; of an item that cannot be synced, what it was before. */
  seen: Fingerprint;
  /** The file that it is; null for what is new. */
  file_id: string | null;
  /** SHA-256 of the content that had this fingerprint. */
  hashed: { hash: string; of: Fingerprint } | null;
  /** Why it can be neither read nor followed now (LO4); nothing is done about it and what lies in it. */
  blocked: string | null;
  /** It was taken out of its place to free a name (PL6), so its place says nothing. */
  parked: boolean;
}

export const ROOT_NODE = "/";

const NO_FOLDER: Fingerprint = { identity: null, kind: "folder", size: 0, modified_ms: 0, executable: false };

export const sameFingerprint = (a: Fingerprint, b: Fingerprint): boolean =>
  a.kind === b.kind &&
  (a.identity === b.identity || a.identity === null || b.identity === null) &&
  (a.kind === "folder" || (a.size === b.size && a.modified_ms === b.modified_ms && a.executable === b.executable));

export const fingerprintOf = ({ identity, kind, size, modified_ms, executable }: Fingerprint): Fingerprint => ({
  identity,
  kind,
  size,
  modified_ms,
  executable,
});

export class LocalTree {
  readonly tree: Tree<LocalNode>;
  readonly #byFile = new Map<string, string>();
  readonly #byIdentity = new Map<string, string>();
  /** Files and unbound nodes whose disk side changed since this was taken last. */
  readonly touched = new Set<string>();
  #next = 1;

  constructor(root_id: string, keyOf: (name: string) => string) {
    this.tree = new Tree(keyOf);
    this.#put(ROOT_NODE, {
      parent_id: null,
      name: "",
      disk_name: "",
      is_folder: true,
      seen: NO_FOLDER,
      file_id: root_id,
      hashed: null,
      blocked: null,
      parked: false,
    });
  }

  get(id: string): LocalNode | undefined {
    return this.tree.get(id);
  }

  /** The node of a file. */
  of(file_id: string): string | undefined {
    return this.#byFile.get(file_id);
  }

  withIdentity(identity: string): string | undefined {
    return this.#byIdentity.get(identity);
  }

  /** The path on the disk. */
  path(id: string): string {
    const names: string[] = [];
    for (const at of this.tree.chain(id)) if (at !== ROOT_NODE) names.push(this.get(at)!.disk_name);
    return names.toReversed().join("/");
  }

  /** The node at a path of the disk, or the nearest folder above it that is known. */
  nearest(path: string): string {
    let at = ROOT_NODE;
    for (const name of path === "" ? [] : path.split("/")) {
      const next = this.child(at, name);
      if (next === undefined) break;
      at = next;
    }
    return at;
  }

  child(folder: string, disk_name: string): string | undefined {
    return this.tree.named(folder, disk_name.normalize("NFC")).find((id) => this.get(id)!.disk_name === disk_name);
  }

  add(node: LocalNode): string {
    const id = `local-${this.#next++}`;
    this.#put(id, node);
    return id;
  }

  update(id: string, change: Partial<LocalNode>): void {
    this.#put(id, { ...this.get(id)!, ...change });
  }

  /** From now on the node is this file; another one that was it is new. */
  bind(id: string, file_id: string | null): void {
    const other = file_id === null ? undefined : this.#byFile.get(file_id);
    if (other !== undefined && other !== id) this.update(other, { file_id: null });
    if (this.get(id)!.file_id === file_id) return;
    this.update(id, { file_id });
    // What lies in it has another place now.
    for (const child of this.tree.children(id)) this.touched.add(this.get(child)!.file_id ?? child);
  }

  /** With all that lies below. */
  remove(id: string): void {
    for (const at of [...this.tree.below(id)].toReversed()) this.#drop(at);
    this.#drop(id);
  }

  takeTouched(): string[] {
    const all = [...this.touched];
    this.touched.clear();
    return all;
  }

  /** Lies below something that cannot be read or followed now, or is so itself. */
  isBlocked(id: string): boolean {
    for (const at of this.tree.chain(id)) if (this.get(at)!.blocked !== null) return true;
    return false;
  }

  #put(id: string, node: LocalNode): void {
    const before = this.get(id);
    if (before !== undefined) this.#forget(id, before);
    this.tree.set(id, node);
    if (node.file_id !== null) this.#byFile.set(node.file_id, id);
    if (node.seen.identity !== null && node.blocked === null) this.#byIdentity.set(node.seen.identity, id);
    this.touched.add(node.file_id ?? id);
  }

  #drop(id: string): void {
    const node = this.get(id);
    if (node === undefined) return;
    this.#forget(id, node);
    this.tree.delete(id);
  }

  #forget(id: string, { file_id, seen }: LocalNode): void {
    if (file_id !== null && this.#byFile.get(file_id) === id) this.#byFile.delete(file_id);
    if (seen.identity !== null && this.#byIdentity.get(seen.identity) === id) this.#byIdentity.delete(seen.identity);
    this.touched.add(file_id ?? id);
  }
}

/** A node for an entry, new to us. */
export function nodeOf(entry: DiskEntry, parent_id: string): LocalNode {
  const isSyncable = entry.kind !== "unsyncable";
  return {
    parent_id,
    name: entry.name.normalize("NFC"),
    disk_name: entry.name,
    is_folder: entry.kind === "folder",
    seen: isSyncable ? fingerprintOf(entry) : { ...NO_FOLDER, kind: "file" },
    file_id: null,
    hashed: null,
    blocked: isSyncable ? null : entry.why,
    parked: false,
  };
}
