import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { KeyValueStorage } from "../../client/index.ts";
import { narrow, privateDirectory } from "./directories.ts";

/** A file of mode 0600 for each item, in a directory of 0700: several processes share them, and none is ever half written. */
export class KeptItems implements KeyValueStorage {
  readonly #directory: string;
  readonly #say: (message: string) => void;

  /** @param say told when others could have read what lies here */
  constructor(directory: string, say: (message: string) => void) {
    this.#directory = directory;
    this.#say = say;
    if (privateDirectory(directory)) say(`${directory} was open to others. It is not any more.`);
  }

  getItem(key: string): string | null {
    const path = this.#path(key);
    try {
      if (narrow(path, 0o600)) this.#say(`${path} could be read by others. It cannot any more.`);
      return readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  setItem(key: string, value: string): void {
    const path = this.#path(key);
    const temporary = `${path}.${process.pid}.new`;
    const file = openSync(temporary, "w", 0o600);
    try {
      writeSync(file, value);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  }

  removeItem(key: string): void {
    rmSync(this.#path(key), { force: true });
  }

  /** Keys hold addresses, names and paths; file names cannot. */
  #path(key: string): string {
    return join(this.#directory, createHash("sha256").update(key).digest("hex").slice(0, 32));
  }
}
