/** Reads folders of the disk, and tells what was moved, made, changed and removed since (PL2, PL8). */
import { type Disk, type DiskEntry, DiskError, PRIVATE } from "../ports.ts";
import { fingerprintOf, type LocalTree, nodeOf, ROOT_NODE, sameFingerprint } from "./local-tree.ts";

/** Whether what lies at a path is not for us (LO6). The path is as the disk has it, in NFC. */
export type IsIgnored = (path: string, is_folder: boolean) => boolean;

interface Listing {
  /** Null when the folder could not be read. */
  entries: DiskEntry[] | null;
  /** Listings of the folders among them, by name. */
  below: Map<string, Listing>;
}

/** Where parked items lie, each under the id of its file (PL6). */
export const PARKED = `${PRIVATE}/parked`;

/** Folders that are read at once. */
const AT_ONCE = 32;

const joined = (folder: string, name: string): string => (folder === "" ? name : `${folder}/${name}`);

/** Reads a folder and all below it; `known` says which folders below need not be read, since nobody said they changed. */
async function listBelow(
  disk: Disk,
  top: string,
  isIgnored: IsIgnored,
  known: (path: string, entry: DiskEntry) => boolean,
): Promise<Listing> {
  const first: Listing = { entries: null, below: new Map() };
  const queue: { path: string; listing: Listing }[] = [{ path: top, listing: first }];
  const one = async ({ path, listing }: (typeof queue)[number]): Promise<void> => {
    let entries: DiskEntry[];
    try {
      entries = await disk.list(path);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // Gone since it was listed: as if it had been empty; its parent's next listing tells.
      if (error.problem === "missing") listing.entries = [];
      return;
    }
    listing.entries = entries.filter(
      ({ name, kind }) => !isIgnored(joined(path, name).normalize("NFC"), kind === "folder"),
    );
    for (const entry of listing.entries) {
      const at = joined(path, entry.name);
      if (entry.kind !== "folder" || known(at, entry)) continue;
      const below: Listing = { entries: null, below: new Map() };
      listing.below.set(entry.name, below);
      queue.push({ path: at, listing: below });
    }
  };
  while (queue.length > 0) await Promise.all(queue.splice(0, AT_ONCE).map(one));
  return first;
}

/** One item that a listing has and the tree has not, at this place. */
interface Appeared {
  parent: string;
  entry: DiskEntry;
  below: Listing | undefined;
}

/** Brings the tree up to what listings say. */
class Merge {
  readonly #local: LocalTree;
  readonly #vanished = new Set<string>();
  #appeared: Appeared[] = [];
  /** Identities among what appeared. */
  readonly #identities = new Set<string>();
  readonly #counted = new Set<Listing>();

  constructor(local: LocalTree) {
    this.#local = local;
  }

  folder(id: string, listing: Listing): void {
    const local = this.#local;
    const node = local.get(id)!;
    if (listing.entries === null) {
      if (node.blocked !== "unreadable") local.update(id, { blocked: "unreadable" });
      return;
    }
    if (node.blocked !== null) local.update(id, { blocked: null });
    const left = new Set(local.tree.children(id));
    for (const entry of listing.entries) {
      const child = local.child(id, entry.name);
      const below = listing.below.get(entry.name);
      if (child === undefined || !left.has(child) || !this.#isSame(child, entry)) {
        this.#appear({ parent: id, entry, below });
        continue;
      }
      left.delete(child);
      this.#vanished.delete(child);
      this.#renew(child, entry, below);
    }
    for (const child of left) if (!local.get(child)!.parked) this.#vanished.add(child);
  }

  #appear(item: Appeared): void {
    this.#appeared.push(item);
    this.#identify([item.entry]);
    if (item.below !== undefined) this.#identifyAll(item.below);
  }

  #identify(entries: readonly DiskEntry[]): void {
    for (const entry of entries)
      if (entry.kind !== "unsyncable" && entry.identity !== null) this.#identities.add(entry.identity);
  }

  #identifyAll(listing: Listing): void {
    if (this.#counted.has(listing)) return;
    this.#counted.add(listing);
    this.#identify(listing.entries ?? []);
    for (const below of listing.below.values()) this.#identifyAll(below);
  }

  /** The same item as before, by the disk's own word. */
  #isSame(id: string, entry: DiskEntry): boolean {
    const { seen, is_folder, blocked } = this.#local.get(id)!;
    if (entry.kind === "unsyncable") return blocked === entry.why;
    if (is_folder !== (entry.kind === "folder")) return false;
    return seen.identity === entry.identity || seen.identity === null || entry.identity === null;
  }

  #renew(id: string, entry: DiskEntry, below: Listing | undefined): void {
    const local = this.#local;
    const node = local.get(id)!;
    if (entry.kind !== "unsyncable") {
      const seen = fingerprintOf(entry);
      const isNew = !sameFingerprint(node.seen, seen) || node.seen.identity !== seen.identity;
      if (isNew || node.blocked !== null) local.update(id, { seen, blocked: null });
    } else if (node.blocked !== entry.why) local.update(id, { blocked: entry.why });
    if (below !== undefined) this.folder(id, below);
  }

  /** @returns folders to list as well: what appeared may have come from there */
  sources(): string[] {
    const found = new Set<string>();
    for (const identity of this.#identities) {
      const id = this.#local.withIdentity(identity);
      if (id === undefined || this.#isVanished(id)) continue;
      const { parent_id } = this.#local.get(id)!;
      if (parent_id !== null) found.add(parent_id);
    }
    return [...found];
  }

  #isVanished(id: string): boolean {
    for (const at of this.#local.tree.chain(id)) if (this.#vanished.has(at)) return true;
    return false;
  }

  finish(): void {
    const local = this.#local;
    for (let item = this.#appeared.pop(); item !== undefined; item = this.#appeared.pop()) {
      const { parent, entry, below } = item;
      const id = this.#moved(entry, parent) ?? this.#replaced(entry, parent) ?? local.add(nodeOf(entry, parent));
      this.#vanished.delete(id);
      local.update(id, { parent_id: parent, name: entry.name.normalize("NFC"), disk_name: entry.name, parked: false });
      this.#renew(id, entry, below);
    }
    for (const id of this.#vanished) if (local.get(id)?.parked === false) local.remove(id);
  }

  #moved(entry: DiskEntry, parent: string): string | null {
    if (entry.kind === "unsyncable" || entry.identity === null) return null;
    const id = this.#local.withIdentity(entry.identity);
    if (id === undefined || this.#local.get(id)!.is_folder !== (entry.kind === "folder")) return null;
    // A second name of one file (a hard link) is a file of its own. Nothing lies in itself.
    const isFree = this.#isVanished(id) || this.#local.get(id)!.parked;
    for (const above of this.#local.tree.chain(parent)) if (above === id) return null;
    return isFree ? id : null;
  }

  /** Written anew under its name, as editors do; what went elsewhere by its identity is not meant. */
  #replaced(entry: DiskEntry, parent: string): string | null {
    const id = this.#local.child(parent, entry.name);
    if (id === undefined || !this.#vanished.has(id)) return null;
    const { seen, is_folder } = this.#local.get(id)!;
    if (entry.kind !== "unsyncable" && is_folder !== (entry.kind === "folder")) return null;
    return seen.identity !== null && this.#identities.has(seen.identity) ? null : id;
  }
}

/**
 * Reads folders of the tree (all, when `paths` is null) and brings it up to date. Of what lies below, only what is new to
 * the tree is read, unless all is.
 */
export async function scan(
  disk: Disk,
  local: LocalTree,
  isIgnored: IsIgnored,
  paths: readonly string[] | null,
): Promise<void> {
  const merge = new Merge(local);
  const done = new Set<string>();
  const read = async (id: string): Promise<void> => {
    if (done.has(id) || local.get(id) === undefined) return;
    done.add(id);
    const known = (path: string, entry: DiskEntry): boolean => {
      if (paths === null || entry.kind !== "folder") return false;
      const at = local.nearest(path);
      const node = local.get(at)!;
      return local.path(at) === path && node.is_folder && node.seen.identity === entry.identity;
    };
    merge.folder(id, await listBelow(disk, local.path(id), isIgnored, known));
  };
  if (paths === null) await read(ROOT_NODE);
  else
    for (const path of paths) {
      await read(folderAt(local, path.slice(0, Math.max(0, path.lastIndexOf("/")))));
      await read(folderAt(local, path));
    }
  await readParked(disk, local);
  for (let more = merge.sources().filter((id) => !done.has(id)); more.length > 0;) {
    for (const id of more) await read(id);
    more = merge.sources().filter((id) => !done.has(id));
  }
  merge.finish();
}

function folderAt(local: LocalTree, path: string): string {
  const id = local.nearest(path);
  const node = local.get(id)!;
  return node.is_folder ? id : node.parent_id!;
}

/** What a crash left parked is where it was, as far as anybody else is concerned. */
async function readParked(disk: Disk, local: LocalTree): Promise<void> {
  let entries: DiskEntry[];
  try {
    entries = await disk.list(PARKED);
  } catch (error) {
    if (error instanceof DiskError && error.problem === "missing") return;
    throw error;
  }
  for (const { name } of entries) {
    const id = local.of(name);
    if (id !== undefined && !local.get(id)!.parked)
      local.update(id, {
        parent_id: ROOT_NODE,
        disk_name: `${PARKED}/${name}`,
        name: `${PARKED}/${name}`,
        parked: true,
      });
  }
}
