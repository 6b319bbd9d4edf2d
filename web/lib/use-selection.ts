import { useMemo, useState } from "react";
import type { Selection } from "react-aria-components";
import type { File } from "../../client/index.ts";

export interface FileSelection {
  keys: Selection;
  set: (keys: Selection) => void;
  /** In the order of the list; files that have left the list are no longer selected. */
  files: readonly File[];
  clear: () => void;
}

export function useSelection(items: readonly File[]): FileSelection {
  const [keys, set] = useState<Selection>(() => new Set());
  const files = useMemo(() => (keys === "all" ? items : items.filter((file) => keys.has(file.file_id))), [keys, items]);
  return { keys, set, files, clear: () => set(new Set()) };
}
