import { type BigIntStats, constants, lstatSync, realpathSync } from "node:fs";
import { chmod, link, lstat, mkdir, open, readdir, realpath, rename, rm, rmdir, unlink } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import {
  type Disk,
  type DiskEntry,
  DiskError,
  type DiskFile,
  type DiskWriter,
  type Fingerprint,
  PRIVATE,
} from "../../client/sync/ports.ts";
import { onDisk } from "./disk-error.ts";
import { entryOf, fingerprintOf, isSame } from "./fingerprint.ts";
import { keyOf, refusalOf } from "./names.ts";
import { NodeFile } from "./node-file.ts";
import { NodeWriter } from "./node-writer.ts";
import { type Abilities, probe } from "./probe.ts";

/** Entries that are looked at before others get a turn. */
const TURN = 2000;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const isPrivate = (path: string): boolean => path === PRIVATE || path.startsWith(`${PRIVATE}/`);

/** A synced folder on a file system of this machine. */
export class NodeDisk implements Disk {
  readonly #root: string;
  readonly #abilities: Abilities;
  /** Folders in which a name changed since {@link settle}. */
  readonly #unsettled = new Set<string>();

  /** The folder must be there; {@link PRIVATE} is made in it. @throws what the system says when it cannot be written to */
  constructor(root: string) {
    this.#root = realpathSync.native(root);
    this.#abilities = probe(join(this.#root, PRIVATE));
  }

  async list(folder: string): Promise<DiskEntry[]> {
    return onDisk(folder, "unreadable", async () => {
      await this.#mustBeReal(folder);
      const path = this.#at(folder);
      const names = await readdir(path);
      const entries: DiskEntry[] = [];
      for (const [i, name] of names.entries()) {
        if (i % TURN === TURN - 1) await nextTurn();
        const entry = this.#look(name, `${path}${sep}${name}`);
        if (entry !== null) entries.push(entry);
      }
      return entries;
    });
  }

  async stat(path: string): Promise<DiskEntry | null> {
    return onDisk(path, "unreadable", async () => {
      const stats = await this.#stats(path);
      return stats && entryOf(await this.#spelled(path, stats), stats, this.#abilities);
    });
  }

  async open(path: string): Promise<DiskFile> {
    return onDisk(path, "unreadable", async () => {
      await this.#mustBeReal(dirname(path));
      // A pipe would wait for its writer.
      const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
      const file = await open(this.#at(path), O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
      const stats = await file.stat({ bigint: true });
      if (stats.isFile()) return new NodeFile(path, file, Number(stats.size), this.#abilities);
      await file.close();
      throw new DiskError("changed", path);
    });
  }

  async write(path: string, how: "anew" | "go_on"): Promise<DiskWriter> {
    this.#mustBePrivate(path);
    return onDisk(path, "read_only", async () => {
      await mkdir(dirname(this.#at(path)), { recursive: true });
      const { O_CREAT, O_WRONLY, O_TRUNC, O_NOFOLLOW } = constants;
      const flags = O_CREAT | O_WRONLY | (O_NOFOLLOW ?? 0) | (how === "anew" ? O_TRUNC : 0);
      const file = await open(this.#at(path), flags, 0o666);
      return new NodeWriter(path, file, (await file.stat()).size);
    });
  }

  async make_folder(path: string): Promise<Fingerprint> {
    return onDisk(path, "read_only", async () => {
      await this.#mustBeReal(dirname(path));
      await mkdir(this.#at(path));
      this.#unsettled.add(dirname(this.#at(path)));
      return this.#mustBeThere(path);
    });
  }

  async move(from: string, to: string, expected: { from: Fingerprint; to: Fingerprint | null }): Promise<Fingerprint> {
    return onDisk(to, "read_only", async () => {
      if (isPrivate(to)) await mkdir(dirname(this.#at(to)), { recursive: true });
      else await this.#mustBeReal(dirname(to));
      const moving = await this.#expect(from, expected.from);
      const replaced = await this.#stats(to);
      const isItself = replaced !== null && replaced.ino === moving.ino && replaced.dev === moving.dev;
      if (expected.to === null && replaced !== null && !isItself) throw new DiskError("occupied", to);
      if (expected.to !== null) {
        const found = replaced && fingerprintOf(replaced, this.#abilities);
        if (found?.kind !== "file" || !isSame(found, expected.to)) throw new DiskError("changed", to);
        await chmod(this.#at(from), modeAfter(replaced!.mode, expected.from.executable));
      }
      // Looked at before it is where others write to it: what is written afterwards is a change of what this returns.
      const moved = await this.#mustBeThere(from);
      await this.#rename(from, to, { mayReplace: expected.to !== null || isItself || moving.isDirectory() });
      for (const path of [from, to]) this.#unsettled.add(dirname(this.#at(path)));
      return moved;
    });
  }

  async remove_folder(path: string): Promise<void> {
    await onDisk(path, "read_only", async () => {
      await this.#mustBeReal(dirname(path));
      await rmdir(this.#at(path));
      this.#unsettled.add(dirname(this.#at(path)));
    });
  }

  async remove_private(path: string): Promise<void> {
    this.#mustBePrivate(path);
    await onDisk(path, "read_only", () => rm(this.#at(path), { recursive: true, force: true }));
  }

  refusal_of(name: string): string | null {
    return refusalOf(name, this.#abilities);
  }

  key_of(name: string): string {
    return keyOf(name, this.#abilities);
  }

  /** Names that changed are on the disk when this resolves, so that no state is kept that says more than the disk would after a power cut. */
  async settle(): Promise<void> {
    const folders = [...this.#unsettled];
    this.#unsettled.clear();
    await Promise.all(folders.map(syncFolder));
  }

  #at(path: string): string {
    return path === "" || path === "." ? this.#root : join(this.#root, path);
  }

  #mustBePrivate(path: string): void {
    if (!isPrivate(path)) throw new Error(`${path} is not in ${PRIVATE}`);
  }

  /** A folder, and no symbolic link on the way to it. @throws DiskError `missing` */
  async #mustBeReal(folder: string): Promise<void> {
    const path = this.#at(folder);
    // Another spelling of the same way is none of a link.
    if (this.key_of(await realpath(path)) !== this.key_of(path)) throw new DiskError("missing", folder);
  }

  /** Null when nothing is there, or a folder of the way is not. */
  async #stats(path: string): Promise<BigIntStats | null> {
    try {
      if (path !== "") await this.#mustBeReal(dirname(path));
      return await lstat(this.#at(path), { bigint: true });
    } catch (error) {
      if (error instanceof DiskError) return null;
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
      throw error;
    }
  }

  async #mustBeThere(path: string): Promise<Fingerprint> {
    const stats = await this.#stats(path);
    const fingerprint = stats && fingerprintOf(stats, this.#abilities);
    if (fingerprint === null) throw new DiskError("missing", path);
    return fingerprint;
  }

  async #expect(path: string, expected: Fingerprint): Promise<BigIntStats> {
    const stats = await this.#stats(path);
    if (stats === null) throw new DiskError("missing", path);
    const found = fingerprintOf(stats, this.#abilities);
    if (found === null || !isSame(found, expected)) throw new DiskError("changed", path);
    return stats;
  }

  /** What came to lie at `to` since it was looked at is not replaced, where the file system has hard links. */
  async #rename(from: string, to: string, { mayReplace }: { mayReplace: boolean }): Promise<void> {
    const [source, target] = [this.#at(from), this.#at(to)];
    if (mayReplace || !isPrivate(from)) return rename(source, target);
    try {
      await link(source, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
      return rename(source, target);
    }
    await unlink(source);
  }

  /** The name as the disk has it: asked in another case, it answers all the same. */
  async #spelled(path: string, stats: BigIntStats): Promise<string> {
    const { tells_case, tells_forms } = this.#abilities;
    if ((tells_case && tells_forms) || stats.isSymbolicLink()) return basename(path);
    return basename(await realpath(this.#at(path)));
  }

  /** Null for what went between the listing and now. */
  #look(name: string, path: string): DiskEntry | null {
    try {
      // One after the other in this thread: half the time of the pool's, for there is nothing to wait for.
      return entryOf(name, lstatSync(path, { bigint: true }), this.#abilities);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      return { name, kind: "unsyncable", why: "unreadable" };
    }
  }
}

/** The mode of what was replaced, with the execute bit of what replaces it, for those who may read. */
function modeAfter(replaced: bigint, executable: boolean): number {
  const mode = Number(replaced & 0o7777n) & ~0o111;
  return executable ? mode | ((mode & 0o444) >> 2) : mode;
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    await folder.sync().finally(() => folder.close());
  } catch {
    // Gone since, or a system whose folders cannot be opened: there it has no need of it.
  }
}
