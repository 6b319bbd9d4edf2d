import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "./project.ts";

/** SHA-256 over names and contents of files and folders, tests left out; something missing counts as empty. */
export function hashSources(paths: readonly string[]): string {
  const hash = createHash("sha256").update(ROOT);
  for (const path of paths.flatMap(files)) {
    const bytes = readFileSync(path);
    hash.update(`\0${relative(ROOT, path)}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

function files(path: string): string[] {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}
