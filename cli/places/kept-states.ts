import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContentStates } from "../../client/index.ts";

/** A state has about 0.8% of its file's size, 8 MiB at most; the ones that were used longest ago go first. */
const MOST = 500;

/** States of versions, a file each, so that an edit is sent as what changed. */
export class KeptStates implements ContentStates {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async get(file_id: string): Promise<Uint8Array | null> {
    const path = join(this.#directory, file_id);
    const state = await readFile(path).catch(() => null);
    if (state !== null) await utimes(path, new Date(), new Date()).catch(() => undefined);
    return state;
  }

  async set(file_id: string, state: Uint8Array): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, file_id);
    const temporary = `${path}.${process.pid}.new`;
    await writeFile(temporary, state, { mode: 0o600 });
    await rename(temporary, path);
    await this.#dropOldest();
  }

  async remove(file_id: string): Promise<void> {
    await rm(join(this.#directory, file_id), { force: true });
  }

  async #dropOldest(): Promise<void> {
    const names = await readdir(this.#directory);
    if (names.length <= MOST) return;
    const used = await Promise.all(
      names.map(async (name) => {
        const path = join(this.#directory, name);
        return { path, at: (await stat(path).catch(() => null))?.mtimeMs ?? 0 };
      }),
    );
    const oldest = used.toSorted((a, b) => a.at - b.at).slice(0, names.length - MOST);
    await Promise.all(oldest.map(({ path }) => rm(path, { force: true })));
  }
}
