/** What the server has, as far as the journal was read: EX1, EX6, VD3, VD4. */
import { nameKey } from "../../core/files/names.ts";
import type { RemoteChange, RemoteFile } from "./ports.ts";
import { Tree } from "./tree.ts";

/** The folder at the root under which others' items appear. Not a file of the server. */
export const SHARED_ID = "shared";
export const SHARED_NAME = "Shared with me";

export class RemoteTree {
  readonly tree = new Tree<RemoteFile>(nameKey);
  /** What changed since it was taken last. */
  readonly touched = new Map<string, RemoteFile | null>();
  readonly root_id: string;
  readonly drive_id: string;

  constructor(root_id: string, drive_id: string) {
    this.root_id = root_id;
    this.drive_id = drive_id;
    this.tree.set(root_id, { ...this.#folder(root_id, drive_id, null, ""), permission: "owner" });
  }

  get(file_id: string): RemoteFile | undefined {
    return this.tree.get(file_id);
  }

  put(file: RemoteFile): void {
    if (file.trashed_at !== null) return this.remove(file.file_id);
    this.#place(file);
    // What was shown by itself lies in a folder that is shown now.
    if (file.is_folder && file.drive_id !== this.drive_id)
      for (const id of this.tree.children(SHARED_ID)) {
        const item = this.tree.get(id)!;
        if (this.#sharedParents.get(id) === file.file_id) this.#place({ ...item, parent_id: file.file_id });
      }
  }

  /** With all that lies below. */
  remove(file_id: string): void {
    for (const id of [...this.tree.below(file_id)].toReversed()) this.#drop(id);
    this.#drop(file_id);
  }

  apply({ file_id, file }: RemoteChange): void {
    if (file === null) this.remove(file_id);
    else this.put(file);
  }

  /** Below the root, not in something that is gone. */
  isVisible(file_id: string): boolean {
    let last = "";
    for (const id of this.tree.chain(file_id)) last = id;
    return last === this.root_id;
  }

  takeTouched(): [string, RemoteFile | null][] {
    const all = [...this.touched];
    this.touched.clear();
    return all;
  }

  readonly #sharedParents = new Map<string, string>();

  #place(file: RemoteFile): void {
    const { file_id, drive_id, parent_id } = file;
    const own = drive_id === this.drive_id;
    if (own || (parent_id !== null && parent_id !== SHARED_ID && this.tree.has(parent_id))) {
      this.#sharedParents.delete(file_id);
      this.#set(file);
    } else {
      if (parent_id !== null && parent_id !== SHARED_ID) this.#sharedParents.set(file_id, parent_id);
      if (!this.tree.has(SHARED_ID)) this.#set(this.#folder(SHARED_ID, SHARED_ID, this.root_id, SHARED_NAME));
      this.#set({ ...file, parent_id: SHARED_ID });
    }
    this.#dropEmpty();
  }

  #set(file: RemoteFile): void {
    this.tree.set(file.file_id, file);
    this.touched.set(file.file_id, file);
  }

  #drop(file_id: string): void {
    if (!this.tree.has(file_id)) return;
    this.tree.delete(file_id);
    this.touched.set(file_id, null);
    this.#sharedParents.delete(file_id);
    this.#dropEmpty();
  }

  #dropEmpty(): void {
    if (!this.tree.has(SHARED_ID) || this.tree.hasChildren(SHARED_ID)) return;
    this.tree.delete(SHARED_ID);
    this.touched.set(SHARED_ID, null);
  }

  #folder(file_id: string, drive_id: string, parent_id: string | null, name: string): RemoteFile {
    return {
      file_id,
      drive_id,
      parent_id,
      name,
      is_folder: true,
      size: 0,
      content_hash: null,
      version_id: null,
      vector: {},
      permission: "view",
      metadata: {},
      modified_at: null,
      trashed_at: null,
    };
  }
}
