import { PRIVATE } from "../../client/sync/ports.ts";
import { folderWatches } from "./folder-watches.ts";
import { treeWatch } from "./tree-watch.ts";

export interface Watch {
  /** Why changes are not told by the system, so that the folder is looked through instead; null when they are. */
  readonly blind: string | null;
  stop(): void;
}

/** What follows the changes below a directory, told as paths relative to it. It is ready when this returns. @throws what the system refuses */
export type Follow = (root: string, told: (path: string) => void, failed: (error: Error) => void) => () => void;

export interface WatchOptions {
  follow?: Follow;
  /** How long changes of one moment are gathered. Milliseconds. */
  gather_ms?: number;
  /** How often a folder without events is looked through. Milliseconds. */
  blind_ms?: number;
}

/** Systems that tell of a whole tree by themselves. */
const TREES = new Set(["darwin", "win32"]);
/** The queue of events may have run over when there are so many: then the whole folder is looked through. */
const MOST = 8_000;

/** docs/spec/sync-client.md, EX5. @param told what changed, relative to the folder; null: anything may have changed */
export function watch(
  root: string,
  told: (paths: readonly string[] | null) => void,
  {
    follow = TREES.has(process.platform) ? treeWatch : folderWatches,
    gather_ms = 20,
    blind_ms = 30_000,
  }: WatchOptions = {},
): Watch {
  let gathered = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => {};
  let blind: string | null = null;
  const flush = (): void => {
    timer = undefined;
    const paths = [...gathered];
    gathered = new Set();
    told(paths.length > MOST ? null : paths);
  };
  const gather = (path: string): void => {
    if (path === PRIVATE || path.startsWith(`${PRIVATE}/`)) return;
    gathered.add(path);
    timer ??= setTimeout(flush, gather_ms);
  };
  const goBlind = (error: Error): void => {
    stop();
    blind = error.message;
    const looking = setInterval(() => told(null), blind_ms);
    stop = () => clearInterval(looking);
  };
  try {
    stop = follow(root, gather, (error) => {
      goBlind(error);
      told(null);
    });
  } catch (error) {
    goBlind(error as Error);
  }
  return {
    get blind() {
      return blind;
    },
    stop() {
      clearTimeout(timer);
      stop();
    },
  };
}
