import type { File } from "../core/protocol/files.ts";
import { nameKey } from "../core/files/names.ts";
import type { ContentsOrder } from "./files.ts";

const ascending = <T extends string | number>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** The order in which the server lists a folder, so that a change can be put in its place without asking again. */
export function compareFiles({ sort, order }: ContentsOrder): (a: File, b: File) => number {
  const sign = order === "asc" ? 1 : -1;
  const value = (file: File): string | number =>
    sort === "name" ? nameKey(file.name) : sort === "size" ? file.size : file.updated_at;
  return (a, b) => sign * ascending(value(a), value(b)) || sign * ascending(a.file_id, b.file_id);
}
