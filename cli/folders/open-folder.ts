import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Engine } from "../../client/sync/engine.ts";
import { HttpRemote } from "../../client/sync/http-remote.ts";
import type { Clock, Random } from "../../client/sync/ports.ts";
import { newSecret } from "../../core/protocol/ids.ts";
import { NodeDisk } from "../disk/node-disk.ts";
import type { Drive } from "../drive/drive.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { SqliteState } from "../state/sqlite-state.ts";
import type { Board } from "./board.ts";
import type { Wishes } from "./documents.ts";
import type { Folder } from "./folder.ts";

const clock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  sleep: async (ms, signal) => void (await sleep(ms, undefined, { signal })),
};
const random: Random = { next: () => Math.random(), token: () => newSecret() };

const newHasher = () => {
  const hash = createHash("sha256");
  return { update: (bytes: Uint8Array) => void hash.update(bytes), digest: () => hash.digest("hex") };
};

/** Notes whose drive it is in sync with. @throws CliError when that is another one */
export function pairWith(folder: Folder, path: string, { origin, session }: Drive): void {
  const { user_id, email } = session.user!;
  const before = folder.paired.read();
  if (before === null) {
    // The first time the folder is made; later, one that is missing is not to be mistaken for an empty one (BR1).
    mkdirSync(path, { recursive: true });
    folder.paired.write({ path, server: origin, user_id, email });
  } else if (before.server !== origin || before.user_id !== user_id)
    throw new CliError(EXIT.refused, `${path} is in sync with the drive of ${before.email} at ${before.server}.`);
}

/** Forgets what both sides agreed on: what is here and what is there are put together, and nothing is deleted. */
export function forget(folder: Folder): void {
  for (const ending of ["", "-wal", "-shm"]) rmSync(`${folder.database}${ending}`, { force: true });
  folder.conflicts.write([]);
}

export interface OpenFolder {
  openEngine(selection: Pick<Wishes, "include" | "exclude">): Promise<Engine>;
  close(): Promise<void>;
}

/** Disk, state and server, wired. @throws CliError when the folder is not there */
export function openFolder(folder: Folder, path: string, drive: Drive, board: Board): OpenFolder {
  if (!existsSync(path))
    throw new CliError(
      EXIT.not_found,
      `${path} is not there: is its disk connected? Nothing was deleted, here or in the drive.`,
    );
  const disk = new NodeDisk(path);
  const store = new SqliteState(folder.database, () => disk.settle());
  const remote = new HttpRemote(drive);
  return {
    openEngine: (selection) =>
      Engine.open({ disk, remote, store, clock, random, report: board, newHasher }, { selection }),
    close: () => store.close(),
  };
}
