/**
 * inotify(7) tells of one directory, not of what lies below, so each has a watch of its own. What is made in a directory
 * before it is watched is told by nobody: so a new one is watched first, and then all that it has is told as changed.
 */
import { type FSWatcher, lstatSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import { PRIVATE } from "../../client/sync/ports.ts";
import type { Follow } from "./watch.ts";

export const folderWatches: Follow = (root, told, failed) => {
  const watches = new Map<string, FSWatcher>();
  const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

  /** A watch stays with its directory when that is moved, under a path that is no longer its own. */
  const forget = (folder: string): void => {
    if (!watches.has(folder)) return;
    for (const [path, watching] of watches) {
      if (!isBelow(path, folder)) continue;
      watching.close();
      watches.delete(path);
    }
  };

  const follow = (folder: string, found: (path: string) => void): void => {
    const queue = [folder];
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      const path = at;
      const below = (name: string): string => (path === "" ? name : `${path}/${name}`);
      try {
        const watching = watch(join(root, path), (event, name) => changed(below(name ?? ""), event));
        watching.on("error", () => forget(path));
        watches.get(path)?.close();
        watches.set(path, watching);
        for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
          if (path === "" && entry.name === PRIVATE) continue;
          found(below(entry.name));
          if (entry.isDirectory()) queue.push(below(entry.name));
        }
      } catch (error) {
        // Gone again, or not ours to read: its parent's listing tells.
        if (
          !["ENOENT", "ENOTDIR", "EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "") ||
          path === ""
        )
          throw error;
      }
    }
  };

  const changed = (path: string, event: "rename" | "change"): void => {
    told(path);
    if (event === "change") return;
    forget(path);
    if (!lstatSync(join(root, path), { throwIfNoEntry: false })?.isDirectory()) return;
    try {
      follow(path, told);
    } catch (error) {
      failed(error as Error);
    }
  };

  const stop = (): void => {
    for (const watching of watches.values()) watching.close();
    watches.clear();
  };
  try {
    follow("", () => undefined);
  } catch (error) {
    stop();
    throw error;
  }
  return stop;
};
