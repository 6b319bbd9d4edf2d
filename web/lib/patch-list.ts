import type { File } from "../../client/index.ts";

export interface ListPage {
  items: File[];
  next_cursor: string | null;
}
export interface ListData {
  pages: ListPage[];
  pageParams: unknown[];
}
export type Compare = (a: File, b: File) => number;

/** What a change says about one file: its state now, or that it is gone. */
export interface FileState {
  file_id: string;
  file: File | null;
}

/**
 * A loaded list after one change, without asking the server again: a folder of 10,000 entries must not be read anew
 * because one of them was renamed. Returns the same object when the change does not concern the list.
 */
export function patchList(list: ListData, folder_id: string, compare: Compare, { file_id, file }: FileState): ListData {
  const pages = list.pages.map((page) => {
    const items = page.items.filter((item) => item.file_id !== file_id);
    return items.length === page.items.length ? page : { ...page, items };
  });
  const removed = pages.some((page, i) => page !== list.pages[i]);
  const belongs = file !== null && file.parent_id === folder_id && file.trashed_at === null;
  const inserted = belongs && insert(pages, compare, file);
  return removed || inserted ? { ...list, pages } : list;
}

/** False when its place is behind what is loaded: then it comes with the next page. */
function insert(pages: ListPage[], compare: Compare, file: File): boolean {
  for (const [i, page] of pages.entries()) {
    const at = page.items.findIndex((item) => compare(file, item) < 0);
    const last = i === pages.length - 1;
    if (at === -1 && !(last && page.next_cursor === null)) continue;
    const items = page.items.toSpliced(at === -1 ? page.items.length : at, 0, file);
    pages[i] = { ...page, items };
    return true;
  }
  return false;
}
