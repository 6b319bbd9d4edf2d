import { watch } from "node:fs";
import { sep } from "node:path";
import type { Follow } from "./watch.ts";

/** One watch for all: FSEvents on macOS, ReadDirectoryChangesW on Windows. */
export const treeWatch: Follow = (root, told, failed) => {
  const watching = watch(root, { recursive: true }, (_event, name) => told((name ?? "").split(sep).join("/")));
  watching.on("error", failed);
  return () => watching.close();
};
