/** A tree whose items lie in a map, with an index of what lies in each folder under which key. */
export interface Placed {
  parent_id: string | null;
  name: string;
}

export class Tree<T extends Placed> {
  readonly #items = new Map<string, T>();
  readonly #children = new Map<string, Map<string, string[]>>();
  readonly keyOf: (name: string) => string;

  /** @param keyOf two names with the same key are one name in this tree */
  constructor(keyOf: (name: string) => string) {
    this.keyOf = keyOf;
  }

  get size(): number {
    return this.#items.size;
  }

  get(id: string): T | undefined {
    return this.#items.get(id);
  }

  has(id: string): boolean {
    return this.#items.has(id);
  }

  ids(): IterableIterator<string> {
    return this.#items.keys();
  }

  entries(): IterableIterator<[string, T]> {
    return this.#items.entries();
  }

  set(id: string, item: T): void {
    this.#unlink(id);
    this.#items.set(id, item);
    if (item.parent_id === null) return;
    const key = this.keyOf(item.name);
    let siblings = this.#children.get(item.parent_id);
    if (siblings === undefined) this.#children.set(item.parent_id, (siblings = new Map()));
    const same = siblings.get(key);
    if (same === undefined) siblings.set(key, [id]);
    else same.push(id);
  }

  delete(id: string): void {
    this.#unlink(id);
    this.#items.delete(id);
  }

  clear(): void {
    this.#items.clear();
    this.#children.clear();
  }

  #unlink(id: string): void {
    const item = this.#items.get(id);
    if (item === undefined || item.parent_id === null) return;
    const key = this.keyOf(item.name);
    const siblings = this.#children.get(item.parent_id)!;
    const left = siblings.get(key)!.filter((other) => other !== id);
    if (left.length > 0) siblings.set(key, left);
    else siblings.delete(key);
    if (siblings.size === 0) this.#children.delete(item.parent_id);
  }

  *children(parent_id: string): Generator<string> {
    for (const ids of this.#children.get(parent_id)?.values() ?? []) yield* ids;
  }

  hasChildren(parent_id: string): boolean {
    return this.#children.has(parent_id);
  }

  /** Who has this name in a folder: more than one only while a tree is not whole. */
  named(parent_id: string, name: string): readonly string[] {
    return this.#children.get(parent_id)?.get(this.keyOf(name)) ?? [];
  }

  /** All that lies below, parents first. */
  *below(id: string): Generator<string> {
    const queue = [id];
    for (let at = queue.pop(); at !== undefined; at = queue.pop())
      for (const child of this.children(at)) {
        yield child;
        queue.push(child);
      }
  }

  /** The item itself and what it lies in, nearest first. A cycle, which only a tree that is not whole has, ends it. */
  *chain(id: string): Generator<string> {
    const seen = new Set<string>();
    for (let at: string | null | undefined = id; at && this.has(at) && !seen.has(at); at = this.get(at)?.parent_id) {
      seen.add(at);
      yield at;
    }
  }

  /** The names from below the root to the item, joined by `/`. */
  path(id: string): string {
    const names: string[] = [];
    for (const at of this.chain(id)) {
      const { parent_id, name } = this.get(at)!;
      if (parent_id !== null) names.push(name);
    }
    return names.toReversed().join("/");
  }
}
