import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";

/** Releasing it again is harmless: a start that fails does so twice, and its own error is the one to be seen. */
export type Lock = { release(): void };

export class LockedError extends Error {
  override name = "LockedError";
}

/**
 * An exclusive lock that the system itself drops when its holder dies, however it dies: SQLite's lock on a file. (Node
 * has no flock, and a lock file that outlives kill -9 must be guessed about.)
 *
 * @throws LockedError when another holds it for longer than `wait_ms`
 */
export async function holdLock(path: string, { wait_ms }: { wait_ms: number }): Promise<Lock> {
  const deadline = Date.now() + wait_ms;
  for (;;) {
    const lock = tryLock(path);
    if (lock) return lock;
    if (Date.now() >= deadline) throw new LockedError(`${path} is locked by another process`);
    await sleep(100);
  }
}

function tryLock(path: string): Lock | undefined {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    let held = true;
    const release = (): void => {
      if (held) database.close();
      held = false;
    };
    return { release };
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
}

const SQLITE_BUSY = 5;
