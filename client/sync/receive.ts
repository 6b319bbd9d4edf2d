/** Changes of the server come to the disk: LO1, LO3, EX4. Nothing is overwritten that is not what was planned for. */
import { isCode, NetworkError } from "../errors.ts";
import { Gate } from "../gate.ts";
import type { Context } from "./context.ts";
import { problemOf } from "./holds.ts";
import { fingerprintOf, type LocalNode } from "./local/local-tree.ts";
import { PARKED } from "./local/scan.ts";
import type { Down } from "./plan/index.ts";
import { DiskError, type Fingerprint, PRIVATE, type RemoteFile, SMALL, type SyncedItem, TOGETHER } from "./ports.ts";

const TEMPORARY = `${PRIVATE}/tmp`;
const TRASH = `${PRIVATE}/trash`;
/** Where that lies which may not be sent (PL5); not synced itself. */
export const RECOVERED = "Recovered";

/** Downloads at once. */
const AT_ONCE = 5;

/** The bytes that came are not those of the version. */
class NotWhole extends Error {}

const joined = (folder: string, name: string): string => (folder === "" ? name : `${folder}/${name}`);

type Fetch = Extract<Down, { kind: "fetch" }>;

const isSmall = ({ remote: { size } }: Fetch): boolean => size <= SMALL;

/** Small ones by what one request may ask for; then the others, which go side by side. */
function* groupsOf(fetches: readonly Fetch[]): Generator<Fetch[]> {
  let group: Fetch[] = [];
  let bytes = 0;
  for (const fetch of fetches.filter(isSmall)) {
    if (group.length === TOGETHER.files || bytes + fetch.remote.size > TOGETHER.bytes) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(fetch);
    bytes += fetch.remote.size;
  }
  if (group.length > 0) yield group;
  const large = fetches.filter((fetch) => !isSmall(fetch));
  if (large.length > 0) yield large;
}

export class Receiver {
  readonly #context: Context;
  /** What came together, by version, until it takes its place. */
  readonly #here = new Map<string, Uint8Array>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** In their order; downloads side by side, for none needs another. */
  async all(downs: readonly Down[]): Promise<void> {
    let fetches: Fetch[] = [];
    for (const down of downs) {
      this.#context.signal()?.throwIfAborted();
      if (down.kind === "fetch") {
        fetches.push(down);
        continue;
      }
      // What comes behind downloads may free or take what they need.
      await this.#fetchAll(fetches);
      fetches = [];
      await this.#one(down);
    }
    await this.#fetchAll(fetches);
    await this.#context.state.write();
    await this.#context.disk.remove_private(TRASH);
  }

  async #fetchAll(fetches: readonly Fetch[]): Promise<void> {
    const gate = new Gate(AT_ONCE);
    const results: PromiseSettledResult<void>[] = [];
    for (const together of groupsOf(fetches)) {
      try {
        if (together.length > 1 && isSmall(together[0]!)) await this.#bring(together);
        const each = together.map((down) => gate.run(() => this.#one(down)));
        results.push(...(await Promise.allSettled(each)));
      } finally {
        this.#here.clear();
      }
    }
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  /** Small ones come in one answer. */
  async #bring(fetches: readonly Fetch[]): Promise<void> {
    const { remote, signal } = this.#context;
    const items = fetches.map(({ remote: { file_id, version_id } }) => ({ file_id, version_id: version_id! }));
    for await (const { index, bytes } of remote.download_small(items, signal()))
      this.#here.set(items[index]!.version_id, bytes);
  }

  async #one(down: Down): Promise<void> {
    const { holds, state, transfers } = this.#context;
    const key = down.file_id ?? ("node" in down ? down.node! : "");
    try {
      await this.#do(down);
      holds.done(key);
      await state.writeSome();
    } catch (error) {
      this.#failed(down, key, error);
    }
    transfers.over("down", down);
  }

  #failed(down: Down, key: string, error: unknown): void {
    const { holds, state, rescan } = this.#context;
    const path =
      "node" in down && down.node !== null ? state.local.path(down.node) : state.remote.tree.path(down.file_id ?? "");
    const { file_id } = down;
    if (error instanceof NotWhole)
      return holds.hold(key, { path, file_id, code: "hash_mismatch", detail: error.message });
    // The version is not there any more: the journal tells what is.
    if (isCode(error, "not_found", "trashed", "forbidden")) return holds.hold(key, null);
    if (!(error instanceof DiskError)) throw error;
    if (["changed", "occupied", "missing"].includes(error.problem)) {
      rescan(path);
      holds.hold(key, null);
    } else holds.hold(key, problemOf({ path, file_id }, error));
  }

  #do(down: Down): Promise<void> {
    const { state } = this.#context;
    // Something else was done about it since it was planned.
    if ("remote" in down && state.remote.get(down.file_id) !== down.remote) return Promise.resolve();
    const isNew = down.kind === "make" || (down.kind === "fetch" && down.node === null);
    if (isNew && state.synced.has(down.file_id!)) return Promise.resolve();
    if ("node" in down && down.node !== null && state.local.get(down.node) === undefined) return Promise.resolve();
    switch (down.kind) {
      case "make":
        return this.#make(down.remote);
      case "fetch":
        return this.#fetch(down);
      case "move":
        return this.#move(down.remote, down.node);
      case "park":
        return this.#park(down.file_id, down.node);
      case "remove":
        return this.#remove(down);
      case "recover":
        return this.#recover(down.node, down.file_id);
    }
  }

  /** The path that a file is to have; null when its folder is not there. */
  #target({ parent_id, name }: RemoteFile): { folder: string; path: string } | null {
    const { local } = this.#context.state;
    const folder = local.of(parent_id!);
    return folder === undefined ? null : { folder, path: joined(local.path(folder), name) };
  }

  #node(file: RemoteFile, parent_id: string, seen: Fingerprint): LocalNode {
    return {
      parent_id,
      name: file.name,
      disk_name: file.name,
      is_folder: file.is_folder,
      seen,
      file_id: file.file_id,
      hashed: null,
      blocked: null,
      parked: false,
    };
  }

  async #make(file: RemoteFile): Promise<void> {
    const { disk, state } = this.#context;
    const target = this.#target(file);
    if (target === null) return;
    const seen = await disk.make_folder(target.path);
    state.local.add(this.#node(file, target.folder, seen));
    state.agree(file.file_id, this.#agreed(file, null, seen, file.name));
  }

  #agreed(file: RemoteFile, hash: string | null, seen: Fingerprint, name: string): SyncedItem {
    const { file_id, drive_id, parent_id, is_folder, vector, version_id } = file;
    return {
      file_id,
      drive_id,
      parent_id: parent_id!,
      name: file.name,
      is_folder,
      vector,
      version_id,
      hash,
      local: { ...seen, name },
    };
  }

  async #fetch(down: Fetch): Promise<void> {
    const { remote: file, node: id } = down;
    const { disk, state, report } = this.#context;
    const node = id === null ? null : state.local.get(id)!;
    const target = node === null ? this.#target(file) : null;
    if (node === null && target === null) return;
    const path = node === null ? target!.path : state.local.path(id!);
    const { temporary, hash, seen: made } = await this.#download(down, path, node?.seen.executable ?? false);
    const seen = await disk.move(temporary, path, { from: made, to: node === null ? null : node.seen });
    const before = state.synced.get(file.file_id);
    if (node === null) {
      state.local.add({ ...this.#node(file, target!.folder, seen), hashed: { hash, of: seen } });
      state.agree(file.file_id, this.#agreed(file, hash, seen, file.name));
    } else if (before !== undefined) {
      state.local.update(id!, { seen, hashed: { hash, of: seen } });
      // The place is agreed on by itself, and so is the vector then.
      const { version_id } = file;
      state.agree(file.file_id, { ...before, version_id, hash, local: { ...seen, name: node.disk_name } });
    }
    report.event({ type: "received", path });
  }

  /** Goes on where an earlier try stopped; checked before it may take a place. */
  async #download(down: Fetch, path: string, executable: boolean) {
    const { remote: file } = down;
    const { disk, remote, newHasher, transfers, signal } = this.#context;
    const version_id = file.version_id!;
    const temporary = `${TEMPORARY}/${version_id}`;
    const writer = await disk.write(temporary, "go_on");
    // What an earlier try has left is read back; what comes now is hashed on its way.
    const hasher = writer.size === 0 ? newHasher() : null;
    try {
      if (writer.size < file.size) {
        const here = writer.size === 0 ? this.#here.get(version_id) : undefined;
        const body = here ? [here] : await remote.download(file.file_id, version_id, writer.size, signal());
        for await (const piece of body) {
          await writer.append(piece);
          hasher?.update(piece);
          transfers.moved("down", down, writer.size);
        }
      }
      const modified_ms = file.modified_at === null ? null : Date.parse(file.modified_at);
      await writer.finish({ modified_ms, executable });
    } finally {
      await writer.close();
    }
    const entry = await disk.stat(temporary);
    if (entry === null || entry.kind !== "file") throw new DiskError("missing", path);
    const seen = fingerprintOf(entry);
    const { size } = seen;
    const hash = hasher === null ? await this.#hashOf(temporary, newHasher) : hasher.digest();
    const isWhole = size === file.size && (file.content_hash === null || file.content_hash === hash);
    if (isWhole) return { temporary, hash, seen };
    if (size < file.size) throw new NetworkError(new Error("The download broke off."));
    await disk.remove_private(temporary);
    throw new NotWhole("What came is not what the server says it has.");
  }

  async #hashOf(path: string, newHasher: Context["newHasher"]): Promise<string> {
    const file = await this.#context.disk.open(path);
    try {
      const hasher = newHasher();
      for (let at = 0; ;) {
        const bytes = await file.read(at, 1024 * 1024);
        if (bytes.length === 0) return hasher.digest();
        hasher.update(bytes);
        at += bytes.length;
      }
    } finally {
      await file.close();
    }
  }

  async #move(file: RemoteFile, id: string): Promise<void> {
    const { disk, state, report } = this.#context;
    const target = this.#target(file);
    const before = state.synced.get(file.file_id);
    if (target === null || before === undefined) return;
    const node = state.local.get(id)!;
    const { path } = target;
    // What lies between comes out first; it could not.
    if ([...state.local.tree.chain(target.folder)].includes(id)) throw new DiskError("occupied", path);
    const seen = await disk.move(state.local.path(id), path, { from: node.seen, to: null });
    const { parent_id, name } = file;
    state.local.update(id, {
      parent_id: target.folder,
      name,
      disk_name: name,
      seen: this.#still(node, seen),
      parked: false,
    });
    state.agree(file.file_id, { ...before, parent_id: parent_id!, name, local: { ...before.local, name } });
    report.event({ type: "moved", path });
  }

  /** A move changes nothing but what the disk itself changes by it. */
  #still({ seen }: LocalNode, now: Fingerprint): Fingerprint {
    return { ...seen, identity: now.identity };
  }

  async #park(file_id: string, id: string): Promise<void> {
    const { disk, state } = this.#context;
    const node = state.local.get(id)!;
    const path = `${PARKED}/${file_id}`;
    const seen = await disk.move(state.local.path(id), path, { from: node.seen, to: null });
    const place = { parent_id: state.local.of(state.me.root_id)!, name: path, disk_name: path };
    state.local.update(id, { ...place, seen: this.#still(node, seen), parked: true });
  }

  async #remove({ file_id, node: id, is_folder }: Extract<Down, { kind: "remove" }>): Promise<void> {
    const { disk, state, random, report } = this.#context;
    const path = state.local.path(id);
    if (is_folder) await disk.remove_folder(path);
    else await disk.move(path, `${TRASH}/${random.token()}`, { from: state.local.get(id)!.seen, to: null });
    state.local.remove(id);
    state.agree(file_id, null);
    report.event({ type: "deleted", path });
  }

  async #recover(id: string, file_id: string | null): Promise<void> {
    const { disk, state, report } = this.#context;
    const path = state.local.path(id);
    const { disk_name, seen } = state.local.get(id)!;
    if ((await disk.stat(RECOVERED)) === null) await disk.make_folder(RECOVERED);
    await disk.move(path, joined(RECOVERED, await this.#freeName(disk_name)), { from: seen, to: null });
    state.local.remove(id);
    if (file_id !== null) state.agree(file_id, null);
    report.event({ type: "recovered", path });
  }

  async #freeName(name: string): Promise<string> {
    const { disk } = this.#context;
    for (let n = 1; ; n++) {
      const candidate = n === 1 ? name : `${name} (${n})`;
      if ((await disk.stat(joined(RECOVERED, candidate))) === null) return candidate;
    }
  }
}
