/** The three trees in memory, and what of them lies in the store (EX1). */
import { nameKey } from "../../core/files/names.ts";
import { LocalTree, type LocalNode, ROOT_NODE } from "./local/local-tree.ts";
import type { Correction } from "./plan/operations.ts";
import type { SavedState, StateStore, StateWrites, SyncedItem, Underway } from "./ports.ts";
import { RemoteTree } from "./remote-tree.ts";
import { Tree } from "./tree.ts";

/** Who syncs. */
export interface Me {
  user_id: string;
  device_id: string;
  drive_id: string;
  root_id: string;
}

/** Changes of the store that go in one transaction, when nothing needs them before. */
const BUFFERED_MAX = 200;

export class SyncState {
  readonly me: Me;
  readonly remote: RemoteTree;
  readonly synced: Tree<SyncedItem>;
  readonly local: LocalTree;
  readonly underway = new Map<string, Underway>();
  readonly values: Map<string, string>;
  /** What may need something. */
  readonly dirty = new Set<string>();
  readonly #store: StateStore;
  readonly #buffer = new Map<string, SyncedItem | null>();

  constructor(me: Me, store: StateStore, saved: SavedState, keyOf: (name: string) => string) {
    this.me = me;
    this.#store = store;
    this.remote = new RemoteTree(me.root_id, me.drive_id);
    this.synced = new Tree(nameKey);
    this.local = new LocalTree(me.root_id, keyOf);
    this.values = new Map(Object.entries(saved.values));
    for (const file of saved.remote) this.remote.put(file);
    for (const item of saved.synced) this.synced.set(item.file_id, item);
    for (const underway of saved.underway) this.underway.set(underway.op_id, underway);
    this.#seed();
    this.remote.takeTouched();
    this.everything();
  }

  /** What lay on the disk when it was seen last: a scan tells the rest. */
  #seed(): void {
    for (const file_id of this.synced.below(this.me.root_id)) {
      const item = this.synced.get(file_id)!;
      const parent_id = this.local.of(item.parent_id) ?? ROOT_NODE;
      const node: LocalNode = {
        parent_id,
        name: item.local.name.normalize("NFC"),
        disk_name: item.local.name,
        is_folder: item.is_folder,
        seen: item.local,
        file_id,
        hashed: null,
        blocked: null,
        parked: false,
      };
      this.local.add(node);
    }
  }

  /** All may need something: at the start, and when the rules changed. */
  everything(): void {
    for (const id of this.remote.tree.ids()) this.dirty.add(id);
    for (const id of this.synced.ids()) this.dirty.add(id);
    for (const [id, node] of this.local.tree.entries()) this.dirty.add(node.file_id ?? id);
  }

  takeDirty(): ReadonlySet<string> {
    for (const [id] of this.remote.takeTouched()) this.dirty.add(id);
    for (const id of this.local.takeTouched()) this.dirty.add(id);
    return this.dirty;
  }

  /** What both sides agree on, noted here at once and in the store with the next transaction. */
  agree(file_id: string, item: SyncedItem | null): void {
    if (item === null) this.synced.delete(file_id);
    else this.synced.set(file_id, item);
    this.#buffer.set(file_id, item);
    this.dirty.add(file_id);
  }

  correct({ file_id, synced, bind, instead_of }: Correction): void {
    if (bind !== undefined && this.local.get(bind.node) === undefined) return;
    if (instead_of !== undefined) {
      const children = [...this.synced.children(instead_of)];
      for (const child of children) this.agree(child, { ...this.synced.get(child)!, parent_id: file_id });
      this.agree(instead_of, null);
    }
    this.agree(file_id, synced);
    if (bind !== undefined) this.local.bind(bind.node, bind.file_id);
  }

  async write(writes: StateWrites = {}): Promise<void> {
    const synced = [...this.#buffer];
    this.#buffer.clear();
    for (const [op_id, underway] of writes.underway ?? [])
      if (underway === null) this.underway.delete(op_id);
      else this.underway.set(op_id, underway);
    for (const [name, value] of Object.entries(writes.values ?? {}))
      if (value === null) this.values.delete(name);
      else this.values.set(name, value);
    await this.#store.commit({ ...writes, synced });
  }

  async writeSome(): Promise<void> {
    if (this.#buffer.size >= BUFFERED_MAX) await this.write();
  }

  /** The base of the next change: what we had of the file, and our own change of it. */
  own(base: SyncedItem["vector"], now: SyncedItem["vector"]): SyncedItem["vector"] {
    const { device_id } = this.me;
    return now[device_id] === undefined ? base : { ...base, [device_id]: now[device_id] };
  }
}
