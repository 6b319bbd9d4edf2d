/** The three trees as the planner looks at them. */
import type { LocalNode, LocalTree } from "../local/local-tree.ts";
import { sameFingerprint } from "../local/local-tree.ts";
import type { RemoteFile, SyncedItem } from "../ports.ts";
import { type RemoteTree, SHARED_ID } from "../remote-tree.ts";
import type { Tree } from "../tree.ts";

export interface Rules {
  /** Not kept here, by ignore rules or selection (LO6). */
  isExcluded(path: string, is_folder: boolean): boolean;
  /** Why this disk cannot hold a name (LO4). */
  refusalOf(name: string): string | null;
}

export interface Trees {
  remote: RemoteTree;
  synced: Tree<SyncedItem>;
  local: LocalTree;
}

/** Whether a file's content is what was synced; `unknown` until it is hashed. */
export type ContentState = "same" | "changed" | "unknown";

export interface Place {
  parent_id: string | null;
  name: string;
}

export const samePlace = (a: Place, b: Place): boolean => a.parent_id === b.parent_id && a.name === b.name;

export class View {
  readonly remote: RemoteTree;
  readonly synced: Tree<SyncedItem>;
  readonly local: LocalTree;
  readonly rules: Rules;
  /** What the server or the disk refused for good, by file or node, until something about it changes. */
  readonly refused: ReadonlyMap<string, string>;

  constructor(trees: Trees, rules: Rules, refused: ReadonlyMap<string, string>) {
    this.remote = trees.remote;
    this.synced = trees.synced;
    this.local = trees.local;
    this.rules = rules;
    this.refused = refused;
  }

  /** The living file that we can see. */
  seen(file_id: string): RemoteFile | undefined {
    return this.remote.isVisible(file_id) ? this.remote.get(file_id) : undefined;
  }

  isOwn(drive_id: string): boolean {
    return drive_id === this.remote.drive_id;
  }

  canWrite({ permission, file_id }: RemoteFile): boolean {
    return file_id !== SHARED_ID && (permission === "edit" || permission === "owner");
  }

  /** Whether its place and its being there are ours to change: of what is shared by itself they are not. */
  canPlace(file: RemoteFile): boolean {
    return file.parent_id !== SHARED_ID && file.parent_id !== null && this.canWrite(file);
  }

  hashOf({ hashed, seen }: LocalNode): string | null {
    return hashed !== null && sameFingerprint(hashed.of, seen) ? hashed.hash : null;
  }

  contentOf(node: LocalNode, synced: SyncedItem): ContentState {
    if (node.is_folder || sameFingerprint(node.seen, synced.local)) return "same";
    const hash = this.hashOf(node);
    if (hash === null) return "unknown";
    return hash === synced.hash ? "same" : "changed";
  }

  /** Where a node lies, in files; the folder is null while it is new. What is parked lies where it was. */
  placeOf(node: LocalNode, synced: SyncedItem): Place {
    if (node.parked) return synced;
    return { parent_id: this.local.get(node.parent_id!)?.file_id ?? null, name: node.name };
  }

  isExcluded(file: RemoteFile): boolean {
    return this.rules.isExcluded(this.remote.tree.path(file.file_id), file.is_folder);
  }

  isExcludedHere(synced: SyncedItem): boolean {
    return this.rules.isExcluded(this.synced.path(synced.file_id), synced.is_folder);
  }

  /** Whether a folder is on the disk, or will be. */
  willBe(file_id: string): boolean {
    const node = this.local.of(file_id);
    if (node !== undefined) return !this.local.isBlocked(node);
    const file = this.seen(file_id);
    if (file === undefined || file.parent_id === null || this.synced.has(file_id)) return false;
    return this.rules.refusalOf(file.name) === null && !this.isExcluded(file) && this.willBe(file.parent_id);
  }

  /** What of a file's names the disk has at its remote place, but for the file itself. */
  occupants({ file_id, parent_id, name }: RemoteFile): string[] {
    const folder = this.local.of(parent_id!);
    if (folder === undefined) return [];
    return this.local.tree.named(folder, name).filter((id) => this.local.get(id)!.file_id !== file_id);
  }
}
