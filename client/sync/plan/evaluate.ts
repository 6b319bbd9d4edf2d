/** What one item needs, from its three states: PL2 to PL5. */
import { parseName } from "../../../core/files/names.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import type { LocalNode } from "../local/local-tree.ts";
import type { Problem, RemoteFile, SyncedItem } from "../ports.ts";
import { SHARED_ID } from "../remote-tree.ts";
import { type Correction, type Down, temporaryName, type Up } from "./operations.ts";
import { type Place, samePlace, type View } from "./view.ts";

/** A deletion of a folder here: done there, not yet, or not at all since something in it lives on. */
type Deletion = "trash" | "wait" | "forget";

export class Evaluation {
  readonly hash = new Set<string>();
  readonly corrections: Correction[] = [];
  readonly up = new Map<string, Up[]>();
  readonly down = new Map<string, Down[]>();
  readonly problems: Problem[] = [];
  /** What is not done, though nothing is planned for it now. */
  readonly pending = new Set<string>();
  readonly #view: View;
  readonly #deletions = new Map<string, Deletion>();
  /** What is gone from the disk, by content: where a new file may have come from. */
  readonly #gone = new Map<string, string[]>();
  readonly #taken = new Set<string>();

  constructor(view: View, gone: Iterable<string>) {
    this.#view = view;
    for (const file_id of gone) {
      const item = view.synced.get(file_id);
      if (item === undefined || item.is_folder || item.hash === null || item.local.size === 0) continue;
      if (view.local.of(file_id) !== undefined || view.seen(file_id) === undefined) continue;
      this.#gone.set(item.hash, [...(this.#gone.get(item.hash) ?? []), file_id]);
    }
  }

  file(file_id: string): void {
    const view = this.#view;
    const remote = view.seen(file_id);
    const synced = view.synced.get(file_id);
    const id = view.local.of(file_id);
    if (remote !== undefined && remote.parent_id === null) return;
    if (synced === undefined) {
      if (remote !== undefined && id === undefined) this.#remoteOnly(remote);
      else if (id !== undefined) this.corrections.push({ file_id, synced: null, bind: { node: id, file_id: null } });
      return;
    }
    if (id !== undefined && view.local.isBlocked(id)) return this.#blocked(id);
    if (remote === undefined && id === undefined) this.corrections.push({ file_id, synced: null });
    else if (remote === undefined) this.#goneThere(synced, id!);
    else if (id === undefined) this.#goneHere(remote, synced);
    else this.#both(remote, synced, id);
  }

  #blocked(id: string): void {
    const view = this.#view;
    const { file_id, blocked } = view.local.get(id)!;
    if (blocked !== null) {
      this.#wait(file_id ?? id);
      return this.#problem(id, blocked, "This is not synced, and neither is what lies in it.");
    }
    const remote = file_id === null ? undefined : view.seen(file_id);
    const synced = file_id === null ? undefined : view.synced.get(file_id);
    if (remote !== undefined && synced !== undefined && this.#isUnchanged(remote, synced)) return;
    this.#wait(file_id ?? id);
    this.#problem(id, "blocked", "It lies in something that is not synced.");
  }

  #problem(node: string, code: string, detail: string): void {
    const { local } = this.#view;
    this.problems.push({ path: local.path(node), file_id: local.get(node)!.file_id, code, detail });
  }

  #wait(key: string): void {
    this.pending.add(key);
  }

  #sends(key: string, up: Up): void {
    this.up.set(key, [...(this.up.get(key) ?? []), up]);
  }

  #receives(key: string, down: Down): void {
    this.down.set(key, [...(this.down.get(key) ?? []), down]);
  }

  #needsHash(id: string): void {
    this.hash.add(id);
    this.#wait(this.#view.local.get(id)!.file_id ?? id);
  }

  /** Null when the name can be sent. */
  #nameProblem(name: string): string | null {
    try {
      return parseName(name) === name ? null : "This name has another form on the server.";
    } catch (error) {
      if (error instanceof DriveError) return error.message;
      throw error;
    }
  }

  // --- There only -------------------------------------------------------------------------------------------------

  #remoteOnly(remote: RemoteFile): void {
    const view = this.#view;
    const { file_id, parent_id, name } = remote;
    if (view.isExcluded(remote)) return;
    const refusal = view.rules.refusalOf(name);
    if (refusal !== null) {
      this.#wait(file_id);
      this.problems.push({ path: view.remote.tree.path(file_id), file_id, code: "name_not_held", detail: refusal });
      return;
    }
    if (!view.willBe(parent_id!)) return this.#wait(file_id);
    for (const id of view.occupants(remote)) if (this.#meets(remote, id)) return;
    this.#receives(
      file_id,
      remote.is_folder ? { kind: "make", file_id, remote } : { kind: "fetch", file_id, remote, node: null },
    );
  }

  /** What of the disk has the place of what came from there. @returns whether it is to wait for that, or is that */
  #meets(remote: RemoteFile, id: string): boolean {
    const view = this.#view;
    const node = view.local.get(id)!;
    const { file_id } = remote;
    this.#wait(file_id);
    if (node.blocked !== null) {
      this.#problem(id, node.blocked, "Something that is not synced has this name.");
      return true;
    }
    if (node.file_id === null) {
      if (node.is_folder !== remote.is_folder) return true;
      if (!remote.is_folder) {
        const hash = view.hashOf(node);
        if (hash === null) this.#needsHash(id);
        if (hash === null || hash !== remote.content_hash) return true;
      }
      this.#adopt(remote, id);
      return true;
    }
    if (remote.is_folder && node.is_folder && view.seen(node.file_id) === undefined) {
      this.#adopt(remote, id);
      return true;
    }
    return false;
  }

  /** Both have it: PL3. */
  #adopt(remote: RemoteFile, id: string): void {
    const node = this.#view.local.get(id)!;
    if (this.#taken.has(id)) return;
    this.#taken.add(id);
    this.corrections.push({
      file_id: remote.file_id,
      synced: this.#agreed(remote, node, node.is_folder ? null : this.#view.hashOf(node)),
      bind: { node: id, file_id: remote.file_id },
      ...(node.file_id !== null && { instead_of: node.file_id }),
    });
  }

  #agreed(remote: RemoteFile, node: LocalNode, hash: string | null): SyncedItem {
    return {
      file_id: remote.file_id,
      drive_id: remote.drive_id,
      parent_id: remote.parent_id!,
      name: remote.name,
      is_folder: remote.is_folder,
      vector: remote.vector,
      version_id: remote.version_id,
      hash,
      local: { ...node.seen, name: node.disk_name },
    };
  }

  // --- Gone there -------------------------------------------------------------------------------------------------

  #goneThere(synced: SyncedItem, id: string): void {
    const view = this.#view;
    const node = view.local.get(id)!;
    const { file_id } = synced;
    const remove: Down = { kind: "remove", file_id, node: id, is_folder: node.is_folder };
    if (node.is_folder) return this.#receives(file_id, remove);
    const content = view.contentOf(node, synced);
    if (content === "unknown") return this.#needsHash(id);
    const code = view.refused.get(file_id);
    if (content === "changed") {
      if (code !== undefined) return this.#receives(file_id, { kind: "recover", file_id, node: id, code });
      return this.#put(node, id, synced, synced.parent_id, synced.name);
    }
    const place = view.placeOf(node, synced);
    const isMoved = !samePlace(place, synced) && place.parent_id !== null;
    if (!isMoved || view.refused.has(`place:${file_id}`) || !this.#canGo(synced, place))
      return this.#receives(file_id, remove);
    this.#goes(id, synced, place as Place & { parent_id: string });
  }

  /** A place that the server can know. */
  #goes(id: string, synced: SyncedItem, { parent_id, name }: Place & { parent_id: string }): void {
    const { file_id } = synced;
    const base = this.#base(this.#view.seen(file_id), synced);
    const problem = this.#nameProblem(name);
    if (problem === null) return this.#sends(file_id, { kind: "place", file_id, parent_id, name, base });
    this.#wait(file_id);
    this.#problem(id, "name_invalid", problem);
  }

  #put(node: LocalNode, id: string, synced: SyncedItem, parent_id: string, name: string): void {
    const { file_id } = synced;
    const base = this.#base(this.#view.seen(file_id), synced);
    const hash = this.#view.hashOf(node)!;
    const { size } = node.seen;
    this.#sends(file_id, { kind: "put", node: id, file_id, parent_id, name, base, hash, size });
  }

  // --- Gone here --------------------------------------------------------------------------------------------------

  #goneHere(remote: RemoteFile, synced: SyncedItem): void {
    const view = this.#view;
    const { file_id, is_folder } = synced;
    const forget = (): void => void this.corrections.push({ file_id, synced: null });
    if (view.isExcludedHere(synced) || view.isExcluded(remote)) return forget();
    if (!view.canPlace(remote) || view.refused.has(file_id)) {
      // It comes back with all that was in it: none of that was deleted by itself.
      for (const below of view.synced.below(file_id))
        if (view.local.of(below) === undefined) this.corrections.push({ file_id: below, synced: null });
      return forget();
    }
    const deletion = this.#deletion(file_id);
    if (deletion === "forget") return forget();
    this.#wait(file_id);
    if (deletion === "wait") {
      const detail = "It was deleted here, but something that was in it is not yet elsewhere on the server.";
      this.problems.push({ path: view.synced.path(file_id), file_id, code: "not_empty", detail });
      return;
    }
    const above = view.synced.get(remote.parent_id!);
    const isCovered = above !== undefined && this.#deletion(above.file_id) !== "forget";
    if (isCovered && view.local.of(above.file_id) === undefined && this.#isUnchanged(remote, synced)) return;
    this.#sends(file_id, { kind: "trash", file_id, base: this.#base(remote, synced), is_folder });
  }

  /** What we have of a file: all, when nothing of it is other than here. */
  #base(remote: RemoteFile | undefined, synced: SyncedItem): SyncedItem["vector"] {
    return remote !== undefined && this.#isUnchanged(remote, synced) ? remote.vector : synced.vector;
  }

  #isUnchanged(remote: RemoteFile, synced: SyncedItem): boolean {
    return remote.version_id === synced.version_id && samePlace(remote, synced);
  }

  /** A folder goes when all that it has there was here, is gone from here, and has not changed there. */
  #deletion(file_id: string): Deletion {
    const known = this.#deletions.get(file_id);
    if (known !== undefined) return known;
    const view = this.#view;
    let deletion: Deletion = "trash";
    for (const child of view.remote.tree.children(file_id)) {
      const synced = view.synced.get(child);
      const remote = view.remote.get(child)!;
      const isHere = view.local.of(child) !== undefined;
      if (synced === undefined || (!isHere && !view.canPlace(remote))) deletion = "forget";
      // What was moved in there lives on there; what was moved out here is still to go.
      else if (isHere && synced.parent_id !== file_id) deletion = "forget";
      else if (isHere || !this.#isUnchanged(remote, synced)) {
        if (deletion === "trash") deletion = "wait";
      } else if (remote.is_folder) {
        const below = this.#deletion(child);
        if (below === "forget" || deletion === "trash") deletion = below;
      }
      if (deletion === "forget") break;
    }
    this.#deletions.set(file_id, deletion);
    return deletion;
  }

  // --- Both -------------------------------------------------------------------------------------------------------

  #both(remote: RemoteFile, synced: SyncedItem, id: string): void {
    const view = this.#view;
    const node = view.local.get(id)!;
    const { file_id } = synced;
    if (node.is_folder !== remote.is_folder) {
      this.corrections.push({ file_id, synced, bind: { node: id, file_id: null } });
      return;
    }
    const content = view.contentOf(node, synced);
    if (content === "unknown") return this.#needsHash(id);
    if (content === "same" && !node.is_folder && view.isExcluded(remote))
      return this.#receives(file_id, { kind: "remove", file_id, node: id, is_folder: false });
    if (node.is_folder && view.isExcluded(remote))
      return this.#receives(file_id, { kind: "remove", file_id, node: id, is_folder: true });

    const next: SyncedItem = { ...synced };
    const isContentEqual = this.#content(remote, synced, next, node, id, content === "changed");
    const isPlaceEqual = this.#place(remote, synced, next, node, id);
    if (isContentEqual && isPlaceEqual) next.vector = remote.vector;
    if (differs(next, synced)) this.corrections.push({ file_id, synced: next });
  }

  /** @returns whether both have the same content, noted in `next` */
  #content(
    remote: RemoteFile,
    synced: SyncedItem,
    next: SyncedItem,
    node: LocalNode,
    id: string,
    isChanged: boolean,
  ): boolean {
    const view = this.#view;
    const { file_id } = synced;
    if (!isChanged) next.local = { ...node.seen, name: node.disk_name };
    if (remote.is_folder) return true;
    const hash = isChanged ? view.hashOf(node)! : synced.hash!;
    const isNewer = remote.version_id !== synced.version_id;
    if (!isNewer && !isChanged) return true;
    if (isNewer && remote.content_hash === hash) {
      Object.assign(next, { version_id: remote.version_id, hash, local: { ...node.seen, name: node.disk_name } });
      return true;
    }
    if (!isChanged) {
      this.#receives(file_id, { kind: "fetch", file_id, remote, node: id });
      return false;
    }
    const code = view.canWrite(remote) ? view.refused.get(file_id) : "read_only";
    if (code !== undefined) this.#receives(file_id, { kind: "recover", file_id, node: id, code });
    else this.#put(node, id, synced, remote.parent_id!, remote.name);
    return false;
  }

  /** @returns whether both have the same place, noted in `next` */
  #place(remote: RemoteFile, synced: SyncedItem, next: SyncedItem, node: LocalNode, id: string): boolean {
    const view = this.#view;
    const { file_id } = synced;
    const place = view.placeOf(node, synced);
    if (!node.parked && samePlace(place, remote)) {
      Object.assign(next, { parent_id: remote.parent_id, name: remote.name });
      return true;
    }
    const isMovedHere = !samePlace(place, synced);
    if (isMovedHere && view.canPlace(remote) && !view.refused.has(`place:${file_id}`)) {
      if (place.parent_id === null) {
        if (this.#willBeMade(node.parent_id!)) {
          this.#wait(file_id);
          this.#problem(id, "not_sent", "It lies in a folder that is not on the server.");
          return false;
        }
      } else if (this.#canGo(remote, place)) {
        this.#goes(id, synced, { parent_id: place.parent_id, name: place.name });
        return false;
      } else if (this.#canMakeIn(place.parent_id)) {
        // Into another drive: a new file there, and gone here.
        this.corrections.push({ file_id, synced, bind: { node: id, file_id: null } });
        return false;
      }
    }
    this.#moveHere(remote, node, id);
    return false;
  }

  #moveHere(remote: RemoteFile, node: LocalNode, id: string): void {
    const view = this.#view;
    const { file_id } = remote;
    const refusal = view.rules.refusalOf(remote.name);
    if (refusal !== null) {
      this.#wait(file_id);
      this.#problem(id, "name_not_held", `${refusal} It is “${remote.name}” on the server.`);
      return;
    }
    if (!view.willBe(remote.parent_id!)) {
      this.#wait(file_id);
      this.#problem(id, "name_not_held", "The folder that it is in on the server cannot be held here.");
      return;
    }
    for (const other of view.occupants(remote)) {
      const { file_id: other_id, blocked } = view.local.get(other)!;
      if (other === id || (other_id !== null && blocked === null)) continue;
      this.#wait(file_id);
      this.#problem(id, "name_clash", "Something else has the place here that it has on the server.");
      return;
    }
    this.#receives(file_id, { kind: "move", file_id, remote, node: id });
  }

  /** Whether a new folder is to be sent, or would be under another name. */
  #willBeMade(node_id: string): boolean {
    const view = this.#view;
    for (const at of view.local.tree.chain(node_id)) {
      const { file_id, name } = view.local.get(at)!;
      if (file_id !== null) return this.#canMakeIn(file_id);
      if (this.#nameProblem(name) !== null) return true;
      if (view.refused.has(at)) return false;
    }
    return false;
  }

  /** Within its drive, where one may write. */
  #canGo({ drive_id }: { drive_id: string }, { parent_id }: Place): boolean {
    const folder = this.#view.seen(parent_id!);
    if (folder === undefined) return parent_id !== null && this.#view.synced.get(parent_id)?.drive_id === drive_id;
    return folder.drive_id === drive_id && this.#view.canWrite(folder);
  }

  #canMakeIn(folder_id: string): boolean {
    const folder = this.#view.seen(folder_id);
    return folder === undefined ? folder_id !== SHARED_ID : this.#view.canWrite(folder);
  }

  // --- Here only --------------------------------------------------------------------------------------------------

  node(id: string): void {
    const view = this.#view;
    const node = view.local.get(id);
    if (node === undefined) return;
    if (view.local.isBlocked(id)) return this.#blocked(id);
    this.#wait(id);
    const problem = this.#nameProblem(node.name);
    if (problem !== null) return this.#problem(id, "name_invalid", problem);
    const parent_id = view.local.get(node.parent_id!)!.file_id;
    if (parent_id === null) return;
    if (view.rules.isExcluded(view.local.path(id).normalize("NFC"), node.is_folder))
      return this.#problem(id, "excluded", "A folder that is not kept here has this name.");
    if (parent_id === SHARED_ID) return this.#problem(id, "read_only", "Only what others share with you can lie here.");
    const code = this.#canMakeIn(parent_id) ? view.refused.get(id) : "read_only";
    if (code !== undefined) return this.#notSent(node, id, code);
    const hash = view.hashOf(node);
    if (hash === null && !node.is_folder) return this.#needsHash(id);
    for (const other of view.remote.tree.named(parent_id, node.name)) if (this.#isKnown(other, node, id)) return;
    if (hash === null) return this.#sends(id, { kind: "make", node: id, parent_id, name: node.name });
    const from = this.#movedFrom(hash, parent_id);
    if (from !== undefined) {
      this.corrections.push({ file_id: from, synced: view.synced.get(from)!, bind: { node: id, file_id: from } });
      return;
    }
    const { size } = node.seen;
    this.#sends(id, { kind: "put", node: id, file_id: null, parent_id, name: node.name, base: {}, hash, size });
  }

  #notSent(node: LocalNode, id: string, code: string): void {
    const view = this.#view;
    // What was moved in there and is a file elsewhere goes back by itself, before the folder is put aside.
    if (node.is_folder)
      for (const below of view.local.tree.below(id)) if (view.local.get(below)!.file_id !== null) return;
    this.#receives(id, { kind: "recover", file_id: null, node: id, code });
  }

  /** A file of this name that is there and not here: deleted here and made again, or about to meet (PL3). */
  #isKnown(other: string, node: LocalNode, id: string): boolean {
    const view = this.#view;
    const remote = view.seen(other);
    if (remote === undefined || remote.is_folder !== node.is_folder) return false;
    const twin = view.local.of(other);
    if (twin !== undefined && this.#leaves(remote, twin)) return false;
    if (twin !== undefined) {
      // What differs here by case or form alone is one there.
      const isOne = node.is_folder || (remote.content_hash !== null && remote.content_hash === view.hashOf(node));
      if (isOne) this.#problem(id, "name_clash", `On the server it is the same as ${view.local.path(twin)}.`);
      return isOne;
    }
    const synced = view.synced.get(other);
    if (synced === undefined) return this.#meets(remote, id) && this.#taken.has(id);
    if (this.#taken.has(other) || remote.parent_id === SHARED_ID) return false;
    this.#taken.add(other);
    this.corrections.push({ file_id: other, synced, bind: { node: id, file_id: other } });
    return true;
  }

  /**
   * Whether a file was moved here, and will leave its remote place. What goes into a folder that is to be made first
   * frees its name before.
   */
  #leaves(remote: RemoteFile, id: string): boolean {
    const view = this.#view;
    const node = view.local.get(id)!;
    const synced = view.synced.get(remote.file_id);
    const place = synced && view.placeOf(node, synced);
    if (place === undefined || samePlace(place, remote) || samePlace(place, synced!)) return false;
    const { file_id, parent_id, name } = remote;
    if (!view.canPlace(remote) || view.refused.has(`place:${file_id}`) || this.#nameProblem(place.name) !== null)
      return false;
    if (place.parent_id !== null) return this.#canGo(remote, place);
    if (!this.#isSendable(node.parent_id!)) return false;
    if (!this.up.has(file_id)) {
      const free = { parent_id: parent_id!, name: temporaryName(name, file_id) };
      this.#sends(file_id, { kind: "place", file_id, ...free, base: this.#base(remote, synced!) });
    }
    return true;
  }

  /** Whether a new folder, and what it lies in, can be sent as they are. */
  #isSendable(node_id: string): boolean {
    const view = this.#view;
    for (const at of view.local.tree.chain(node_id)) {
      const { file_id, name } = view.local.get(at)!;
      if (file_id !== null) return this.#canMakeIn(file_id);
      if (this.#nameProblem(name) !== null || view.refused.has(at)) return false;
    }
    return false;
  }

  #movedFrom(hash: string, parent_id: string): string | undefined {
    const view = this.#view;
    const drive_id = view.seen(parent_id)?.drive_id ?? view.synced.get(parent_id)?.drive_id;
    const found = (this.#gone.get(hash) ?? []).find(
      (file_id) => !this.#taken.has(file_id) && view.synced.get(file_id)!.drive_id === drive_id,
    );
    if (found !== undefined && view.canPlace(view.seen(found)!)) {
      this.#taken.add(found);
      return found;
    }
    return undefined;
  }
}

function differs(a: SyncedItem, b: SyncedItem): boolean {
  return (
    !samePlace(a, b) ||
    a.version_id !== b.version_id ||
    a.hash !== b.hash ||
    a.local.name !== b.local.name ||
    a.local.identity !== b.local.identity ||
    a.local.size !== b.local.size ||
    a.local.modified_ms !== b.local.modified_ms ||
    a.local.executable !== b.local.executable ||
    !sameVector(a.vector, b.vector)
  );
}

function sameVector(a: SyncedItem["vector"], b: SyncedItem["vector"]): boolean {
  const keys = Object.keys(a);
  return a === b || (keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]));
}
