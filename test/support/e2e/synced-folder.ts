/** A folder on a machine of its own, kept in sync by a process of its own. */
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Status } from "../../../cli/folders/documents.ts";
import { waitFor } from "../wait-for.ts";
import { Machine, type Running } from "./cli.ts";

/** What lies where: texts of short files, hashes of longer ones, null for folders. */
export type Tree = Record<string, string | null>;

const SHORT = 200;
const textOf = (bytes: Buffer): string =>
  bytes.length <= SHORT ? bytes.toString() : createHash("sha256").update(bytes).digest("hex");

export class SyncedFolder implements Disposable {
  readonly machine = new Machine();
  readonly root = join(this.machine.home, "Drive");
  #running: Running | undefined;

  static async enter(url: string, name: string, device_name: string, how: "register" | "login"): Promise<SyncedFolder> {
    const folder = new SyncedFolder();
    await folder.machine.ok("config", "device_name", device_name);
    await folder.machine.enter(url, name, how);
    return folder;
  }

  at(path: string): string {
    return join(this.root, path);
  }

  write(path: string, text: string | Uint8Array): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text);
  }

  read(path: string): string | null {
    return existsSync(this.at(path)) ? textOf(readFileSync(this.at(path))) : null;
  }

  start(...options: string[]): void {
    this.#running = this.machine.start(["sync", this.root, ...options]);
  }

  once(...options: string[]) {
    return this.machine.run(["sync", this.root, "--once", ...options]);
  }

  /** `kill -9`: whatever it was about. */
  async kill(): Promise<void> {
    this.#running?.child.kill("SIGKILL");
    await this.#running?.ended;
    this.#running = undefined;
  }

  /** All that it said; for failures. */
  get said(): string {
    return `${this.#running?.stdout()}\n${this.#running?.stderr()}`;
  }

  async status(): Promise<{ running: boolean; status: Status | null }> {
    return (await this.machine.json<{ items: { running: boolean; status: Status | null }[] }>("status", this.root))
      .items[0]!;
  }

  /** Below a folder of it; what is the client's own is left out. */
  tree(below = ""): Tree {
    const tree: Tree = {};
    const top = this.at(below);
    if (!existsSync(top)) return tree;
    try {
      for (const entry of readdirSync(top, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name).slice(top.length + 1);
        if (/^\.edgedrive(\/|$)/.test(path)) continue;
        const stats = lstatSync(join(top, path));
        // A disk that tells forms apart keeps a name in the form in which its user wrote it.
        const name = path.normalize("NFC");
        if (stats.isDirectory()) tree[name] = null;
        else if (stats.isFile()) tree[name] = textOf(readFileSync(join(top, path)));
      }
    } catch (error) {
      // Moved while we looked: whoever waits looks again.
      tree["gone meanwhile"] = String(error);
    }
    return tree;
  }

  [Symbol.dispose](): void {
    this.#running?.child.kill("SIGKILL");
    this.machine[Symbol.dispose]();
  }
}

const sorted = (tree: Tree): string => JSON.stringify(Object.entries(tree).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** All have the same, and it is what was to be. @throws with what each of them has */
export async function converged(
  folders: readonly SyncedFolder[],
  isRight: (tree: Tree) => boolean,
  { below = "", wait_ms = 60_000 } = {},
): Promise<Tree> {
  const ask = (): Tree | false => {
    const [first, ...others] = folders.map((folder) => folder.tree(below));
    return others.every((tree) => sorted(tree) === sorted(first!)) && isRight(first!) && first!;
  };
  try {
    return await waitFor(ask, wait_ms);
  } catch (error) {
    const each = folders.map((folder) => `${sorted(folder.tree(below)).slice(0, 3000)}\n${folder.said.slice(-1500)}`);
    throw new Error(`not the same, or not what was to be:\n${each.join("\n\n")}`, { cause: error });
  }
}
