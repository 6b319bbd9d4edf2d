import { createHash } from "node:crypto";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { CliError, EXIT } from "../exit-codes.ts";
import { privateDirectory, stateDirectory } from "../places/directories.ts";
import { JsonFile } from "../places/json-file.ts";
import { holdLock, type Lock, LockedError } from "../places/lock.ts";
import { conflictsSchema, NO_WISHES, pairedSchema, statusSchema, type Wishes, wishesSchema } from "./documents.ts";

const above = (): string => join(stateDirectory(), "folders");

/** What this machine keeps of a synced folder. Not in the folder itself: when that is gone, it must be known that it was there (BR1). */
export class Folder {
  readonly #directory: string;
  readonly paired;
  readonly wishes;
  readonly status;
  readonly conflicts;

  constructor(id: string) {
    this.#directory = join(above(), id);
    const file = (name: string): string => join(this.#directory, name);
    this.paired = new JsonFile(file("paired.json"), pairedSchema);
    this.wishes = new JsonFile(file("wishes.json"), wishesSchema);
    this.status = new JsonFile(file("status.json"), statusSchema);
    this.conflicts = new JsonFile(file("conflicts.json"), conflictsSchema);
  }

  get database(): string {
    return join(this.#directory, "state.db");
  }

  wish(change: Partial<Wishes>): void {
    this.wishes.write({ ...NO_WISHES, ...this.wishes.read(), ...change });
  }

  /** One process syncs a folder. @throws CliError when another one does */
  async lock(): Promise<Lock> {
    privateDirectory(this.#directory);
    try {
      return await holdLock(join(this.#directory, "lock"), { wait_ms: 0 });
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      throw new CliError(EXIT.refused, `Process ${this.status.read()?.pid ?? "?"} syncs this folder already.`);
    }
  }

  async isRunning(): Promise<boolean> {
    try {
      (await this.lock()).release();
      return false;
    } catch (error) {
      if (error instanceof CliError) return true;
      throw error;
    }
  }
}

/** As its user named it, whether it is there or not. */
export function folderAt(path: string): { folder: Folder; path: string } {
  const given = resolve(path);
  const real = existsSync(given) ? realpathSync.native(given) : given;
  return { folder: new Folder(createHash("sha256").update(real).digest("hex").slice(0, 16)), path: real };
}

/** All that were ever synced here. */
export function knownFolders(): Folder[] {
  if (!existsSync(above())) return [];
  return readdirSync(above())
    .map((id) => new Folder(id))
    .filter((folder) => folder.paired.read() !== null);
}
