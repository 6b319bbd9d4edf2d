/** A disk in memory, with the habits of several systems: `test/contract/disk.ts` holds it to the port. */
import {
  type Disk,
  type DiskEntry,
  DiskError,
  type DiskFile,
  type DiskWriter,
  type Fingerprint,
} from "../../../client/sync/ports.ts";

export interface DiskHabits {
  /** `a` and `A` are one name. */
  ignores_case: boolean;
  /** Names are kept in NFD, whatever they came in. */
  decomposes: boolean;
  /** Names that Windows does not take. */
  refuses_windows_names: boolean;
  /** Whether items have an identity that stays. */
  has_identities: boolean;
  /** Milliseconds that times are kept to. */
  time_grain_ms: number;
  capacity_bytes: number;
}

export const PLAIN: DiskHabits = {
  ignores_case: false,
  decomposes: false,
  refuses_windows_names: false,
  has_identities: true,
  time_grain_ms: 1,
  capacity_bytes: Infinity,
};

interface Item {
  identity: string;
  name: string;
  kind: "file" | "folder" | "unsyncable";
  bytes: Uint8Array<ArrayBuffer>;
  modified_ms: number;
  executable: boolean;
  read_only: boolean;
  children: Map<string, Item>;
}

const WINDOWS = /[<>:"\\|?*]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/iu;
const NOTHING = new Uint8Array();

export class MemoryDisk implements Disk {
  readonly habits: DiskHabits;
  /** Before each call that the port describes: may throw, or do something else to the disk. */
  hook: (call: string, path: string) => Promise<void> = () => Promise.resolve();
  /** How much of what is appended gets through, when a crash cuts it. */
  tear: (bytes: Uint8Array) => number = (bytes) => bytes.length;
  now: () => number;
  #next = 1;
  #latest = 0;
  readonly root: Item;

  constructor(habits: Partial<DiskHabits> = {}, now: () => number = () => 0) {
    this.habits = { ...PLAIN, ...habits };
    this.now = now;
    this.root = this.#item("", "folder");
  }

  // --- As the port has it -----------------------------------------------------------------------------------------

  async list(folder: string): Promise<DiskEntry[]> {
    await this.hook("list", folder);
    const item = this.#at(folder);
    if (item === null || item.kind !== "folder") throw new DiskError("missing", folder);
    return [...item.children.values()].map((child) => this.#entry(child));
  }

  async stat(path: string): Promise<DiskEntry | null> {
    await this.hook("stat", path);
    const item = this.#at(path);
    return item === null ? null : this.#entry(item);
  }

  async open(path: string): Promise<DiskFile> {
    await this.hook("open", path);
    const item = this.#at(path);
    if (item === null) throw new DiskError("missing", path);
    if (item.kind !== "file") throw new DiskError("unreadable", path);
    return {
      fingerprint: async () => {
        await this.hook("fingerprint", path);
        return this.#fingerprint(item);
      },
      read: async (offset, length) => {
        await this.hook("read", path);
        return item.bytes.slice(offset, offset + length);
      },
      close: () => Promise.resolve(),
    };
  }

  async write(path: string, how: "anew" | "go_on"): Promise<DiskWriter> {
    await this.hook("write", path);
    const item = this.#fileFor(path);
    if (how === "anew") item.bytes = NOTHING;
    return {
      get size() {
        return item.bytes.length;
      },
      append: async (bytes) => {
        await this.hook("append", path);
        if (this.used() + bytes.length > this.habits.capacity_bytes) throw new DiskError("full", path);
        const through = this.tear(bytes);
        const next = new Uint8Array(item.bytes.length + through);
        next.set(item.bytes);
        next.set(bytes.subarray(0, through), item.bytes.length);
        item.bytes = next;
        item.modified_ms = this.#time(this.now());
        if (through < bytes.length) await this.hook("torn", path);
      },
      finish: async ({ modified_ms, executable }) => {
        await this.hook("finish", path);
        if (modified_ms !== null) item.modified_ms = this.#time(modified_ms);
        item.executable = executable;
      },
      close: () => Promise.resolve(),
    };
  }

  async make_folder(path: string): Promise<Fingerprint> {
    await this.hook("make_folder", path);
    const [parent, name] = this.#place(path);
    if (parent.read_only) throw new DiskError("read_only", path);
    if (parent.children.has(this.key_of(name))) throw new DiskError("occupied", path);
    const item = this.#item(name, "folder");
    parent.children.set(this.key_of(name), item);
    return this.#fingerprint(item);
  }

  async move(from: string, to: string, expected: { from: Fingerprint; to: Fingerprint | null }): Promise<Fingerprint> {
    await this.hook("move", from);
    const item = this.#at(from);
    if (item === null) throw new DiskError("missing", from);
    if (!this.#is(item, expected.from)) throw new DiskError("changed", from);
    if (to.startsWith(".edgedrive/")) this.#fileFor(to, true);
    const [parent, name] = this.#place(to);
    const [before] = this.#place(from);
    if (parent.read_only || before.read_only) throw new DiskError("read_only", to);
    for (let at = to; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/"))))
      if (at !== to && this.#at(at) === item) throw new Error(`${from} is moved into itself: ${to}`);
    const there = parent.children.get(this.key_of(name));
    if (there !== undefined && there !== item) {
      if (expected.to === null) throw new DiskError("occupied", to);
      if (!this.#is(there, expected.to) || there.kind !== "file") throw new DiskError("changed", to);
    } else if (expected.to !== null) throw new DiskError("changed", to);
    before.children.delete(this.key_of(item.name));
    item.name = this.#form(name);
    if (!this.habits.has_identities) item.identity = String(this.#next++);
    parent.children.set(this.key_of(name), item);
    return this.#fingerprint(item);
  }

  async remove_folder(path: string): Promise<void> {
    await this.hook("remove_folder", path);
    const item = this.#at(path);
    if (item === null) throw new DiskError("missing", path);
    if (item.kind !== "folder" || item.children.size > 0) throw new DiskError("not_empty", path);
    const [parent] = this.#place(path);
    if (parent.read_only) throw new DiskError("read_only", path);
    parent.children.delete(this.key_of(item.name));
  }

  async remove_private(path: string): Promise<void> {
    await this.hook("remove_private", path);
    const item = this.#at(path);
    if (item !== null) this.#place(path)[0].children.delete(this.key_of(item.name));
  }

  refusal_of(name: string): string | null {
    return this.habits.refuses_windows_names && WINDOWS.test(name) ? "Windows does not take this name." : null;
  }

  key_of(name: string): string {
    const nfc = name.normalize("NFC");
    return this.habits.ignores_case
      ? nfc.toUpperCase().toLowerCase().normalize("NFC")
      : this.habits.decomposes
        ? nfc
        : name;
  }

  // --- As a person has it -----------------------------------------------------------------------------------------

  /** Writes into the file that is there, or makes one. */
  save(path: string, bytes: Uint8Array<ArrayBuffer>): void {
    const item = this.#at(path) ?? this.#fileFor(path);
    item.bytes = bytes;
    this.#touch(item, item.modified_ms);
  }

  /** As editors do: a new file takes the place of the old one. */
  replace(path: string, bytes: Uint8Array<ArrayBuffer>): void {
    const [parent, name] = this.#place(path);
    const item = this.#item(name, "file");
    item.bytes = bytes;
    this.#touch(item, parent.children.get(this.key_of(name))?.modified_ms ?? 0);
    parent.children.set(this.key_of(name), item);
  }

  /** Later than before by what the disk can tell: else a change of the same size is none to anybody. */
  #touch(item: Item, before: number): void {
    const least = this.habits.has_identities ? before : Math.max(before, this.#latest);
    item.modified_ms = Math.max(this.#time(this.now()), least + this.habits.time_grain_ms);
    this.#latest = Math.max(this.#latest, item.modified_ms);
  }

  folder(path: string): void {
    const [parent, name] = this.#place(path);
    parent.children.set(this.key_of(name), this.#item(name, "folder"));
  }

  remove(path: string): void {
    const item = this.#at(path);
    if (item !== null) this.#place(path)[0].children.delete(this.key_of(item.name));
  }

  rename(from: string, to: string): void {
    const item = this.#at(from)!;
    const [parent, name] = this.#place(to);
    this.#place(from)[0].children.delete(this.key_of(item.name));
    item.name = this.#form(name);
    // Two files of the same size and time that change places look the same where nothing else tells them apart.
    if (!this.habits.has_identities) this.#touch(item, item.modified_ms);
    parent.children.set(this.key_of(name), item);
  }

  link(path: string): void {
    const [parent, name] = this.#place(path);
    parent.children.set(this.key_of(name), this.#item(name, "unsyncable"));
  }

  protect(path: string, read_only: boolean): void {
    const item = this.#at(path);
    if (item !== null) item.read_only = read_only;
  }

  exists(path: string): boolean {
    return this.#at(path) !== null;
  }

  isFolder(path: string): boolean {
    return this.#at(path)?.kind === "folder";
  }

  bytesOf(path: string): Uint8Array | null {
    const item = this.#at(path);
    return item?.kind === "file" ? item.bytes : null;
  }

  /** All that is there, by path; folders have null. */
  all(): Map<string, Uint8Array | null> {
    const found = new Map<string, Uint8Array | null>();
    const walk = (folder: Item, path: string): void => {
      for (const item of folder.children.values()) {
        const at = path === "" ? item.name : `${path}/${item.name}`;
        if (item.kind !== "unsyncable") found.set(at, item.kind === "file" ? item.bytes : null);
        if (item.kind === "folder") walk(item, at);
      }
    };
    walk(this.root, "");
    return found;
  }

  used(): number {
    let sum = 0;
    for (const bytes of this.all().values()) sum += bytes?.length ?? 0;
    return sum;
  }

  // --- ------------------------------------------------------------------------------------------------------------

  #item(name: string, kind: Item["kind"]): Item {
    return {
      identity: String(this.#next++),
      name: this.#form(name),
      kind,
      bytes: NOTHING,
      modified_ms: this.#time(this.now()),
      executable: false,
      read_only: false,
      children: new Map(),
    };
  }

  #form(name: string): string {
    return this.habits.decomposes ? name.normalize("NFD") : name;
  }

  #time(ms: number): number {
    return Math.floor(ms / this.habits.time_grain_ms) * this.habits.time_grain_ms;
  }

  #at(path: string): Item | null {
    let item: Item | undefined = this.root;
    for (const name of path === "" ? [] : path.split("/")) {
      item = item.kind === "folder" ? item.children.get(this.key_of(name)) : undefined;
      if (item === undefined) return null;
    }
    return item;
  }

  #place(path: string): [parent: Item, name: string] {
    const slash = path.lastIndexOf("/");
    const parent = this.#at(path.slice(0, Math.max(0, slash)));
    if (parent === null || parent.kind !== "folder") throw new DiskError("missing", path);
    return [parent, path.slice(slash + 1)];
  }

  /** The file at a path, made with the folders above it where it is not there; or these folders alone. */
  #fileFor(path: string, onlyFolders = false): Item {
    const names = path.split("/");
    const last = names.pop()!;
    let folder = this.root;
    for (const name of names) {
      let next = folder.children.get(this.key_of(name));
      if (next === undefined) folder.children.set(this.key_of(name), (next = this.#item(name, "folder")));
      folder = next;
    }
    if (onlyFolders) return folder;
    let file = folder.children.get(this.key_of(last));
    if (file === undefined) folder.children.set(this.key_of(last), (file = this.#item(last, "file")));
    return file;
  }

  #entry(item: Item): DiskEntry {
    if (item.kind === "unsyncable") return { name: item.name, kind: "unsyncable", why: "symbolic_link" };
    return { name: item.name, ...this.#fingerprint(item) };
  }

  #fingerprint({ identity, kind, bytes, modified_ms, executable }: Item): Fingerprint {
    const isFolder = kind === "folder";
    return {
      identity: this.habits.has_identities ? identity : null,
      kind: isFolder ? "folder" : "file",
      size: isFolder ? 0 : bytes.length,
      modified_ms: isFolder ? 0 : modified_ms,
      executable,
    };
  }

  #is(item: Item, expected: Fingerprint): boolean {
    const now = this.#fingerprint(item);
    return (
      now.kind === expected.kind &&
      (now.identity === expected.identity || now.identity === null || expected.identity === null) &&
      now.size === expected.size &&
      now.modified_ms === expected.modified_ms
    );
  }
}
