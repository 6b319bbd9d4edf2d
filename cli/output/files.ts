import type { File } from "../../client/index.ts";
import { formatSize, formatWhen } from "../../client/words/format.ts";
import { table } from "./table.ts";

/** Folders end with a slash. */
export const shownName = ({ name, is_folder }: Pick<File, "name" | "is_folder">): string =>
  is_folder ? `${name}/` : name;

export const fileTable = (files: readonly File[], nameOf: (file: File) => string = shownName): string[] =>
  files.length === 0
    ? []
    : table(files, [
        { title: "SIZE", right: true, of: ({ is_folder, size }) => (is_folder ? "" : formatSize(size)) },
        { title: "CHANGED", of: ({ modified_at, updated_at }) => formatWhen(modified_at ?? updated_at) },
        { title: "NAME", of: nameOf },
      ]);
