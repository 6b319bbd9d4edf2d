/** What is not synced, and what is not kept here: LO6. */
import ignore, { type Ignore } from "ignore";
import { PRIVATE } from "./ports.ts";
import { RECOVERED } from "./receive.ts";

export const IGNORE_FILE = ".edgedriveignore";

/** Temporary files of editors and systems. */
const BUILT_IN = [
  ".DS_Store",
  "._*",
  ".Spotlight-V100",
  ".Trashes",
  ".fseventsd",
  "Thumbs.db",
  "desktop.ini",
  "$RECYCLE.BIN",
  "*~",
  "~$*",
  ".~lock.*#",
  "*.swp",
  "*.swx",
  ".#*",
  ".fuse_hidden*",
  ".nfs*",
  "*.crdownload",
  "*.part",
];

/** Folders by their path from the root; what lies in an included one of an excluded one is kept. */
export interface Selection {
  include: readonly string[];
  exclude: readonly string[];
}

export class IgnoreRules {
  readonly #rules: Ignore;
  readonly #selection: Selection;

  constructor(patterns: string, selection: Selection) {
    this.#rules = ignore({ ignorecase: false }).add(BUILT_IN).add(patterns);
    this.#selection = selection;
  }

  /** By the rules: neither looked at nor sent. @param path in NFC */
  isIgnored(path: string, is_folder: boolean): boolean {
    if (path === PRIVATE || path.startsWith(`${PRIVATE}/`)) return true;
    if (path === RECOVERED || path.startsWith(`${RECOVERED}/`)) return true;
    // What the library would refuse is no path of ours.
    if (!ignore.isPathValid(path)) return false;
    return this.#rules.ignores(is_folder ? `${path}/` : path);
  }

  /** By rules or selection: not kept here. The longest folder that says something decides. */
  isExcluded(path: string, is_folder: boolean): boolean {
    if (this.isIgnored(path, is_folder)) return true;
    const { include, exclude } = this.#selection;
    if (include.length === 0 && exclude.length === 0) return false;
    for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
      if (include.includes(at)) return false;
      if (exclude.includes(at)) return true;
    }
    // With a list of what is kept, all else is not, but for the folders above it.
    return include.length > 0 && !(is_folder && include.some((kept) => kept.startsWith(`${path}/`)));
  }
}
