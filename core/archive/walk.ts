/** From a selection to the plan of its archive: the tree is read in pages, level by level. docs/spec/archive.md, Z1 to Z3. */
import { freeName, nameKey } from "../files/names.ts";
import { ArchivePlan } from "./plan.ts";
import type { ArchiveItem, ArchiveStore } from "./ports.ts";

/** Rows of one query, all folders together. */
const ROWS = 8_000;
/** Rows of one folder: they come as one value, D1 answers 2 MB a value, and a row here has 900 bytes at most. */
const ROWS_OF_FOLDER = 2_000;
/** Folders looked into by one query. */
const FOLDERS = 400;

export interface Root {
  item: ArchiveItem;
  store: ArchiveStore;
}

/** The contents of all entries from `from` on, up to the next source, lie in this store's tenant. */
export interface Source {
  from: number;
  store: ArchiveStore;
}

export interface Archive {
  plan: ArchivePlan;
  sources: Source[];
}

/** Throws `payload_too_large`. @param roots each once */
export async function planArchive(roots: readonly Root[]): Promise<Archive> {
  const plan = new ArchivePlan();
  const sources: Source[] = [];
  const taken = new Set<string>();
  for (const [store, own] of Map.groupBy(roots, (root) => root.store)) {
    const from = plan.length;
    sources.push({ from, store });
    for (const { item } of own) plan.add({ ...item, name: freeAtTop(item.name, taken) }, null);
    await addBelow(plan, from, store);
  }
  return { plan, sources };
}

/** Within a folder names never clash; items of a selection can come from anywhere. */
function freeAtTop(name: string, taken: Set<string>): string {
  const free = taken.has(nameKey(name)) ? freeName(name, (key) => taken.has(key)) : name;
  taken.add(nameKey(free));
  return free;
}

/** The plan is its own queue: folders are looked into in the order in which they were added. */
async function addBelow(plan: ArchivePlan, from: number, store: ArchiveStore): Promise<void> {
  let next = from;
  let open: { at: number; after: string }[] = [];
  for (;;) {
    for (; open.length < FOLDERS && next < plan.length; next++)
      if (plan.isFolder(next)) open.push({ at: next, after: "" });
    if (open.length === 0) return;
    const wanted = open.map(({ at, after }) => ({ folder_id: plan.idOf(at), after }));
    const pages = await store.children(wanted, Math.min(ROWS_OF_FOLDER, Math.floor(ROWS / open.length)));
    const unfinished: typeof open = [];
    for (const [i, { items, next: after }] of pages.entries()) {
      const { at } = open[i] as { at: number };
      for (const item of items) plan.add(item, at);
      if (after !== null) unfinished.push({ at, after });
    }
    open = unfinished;
  }
}
