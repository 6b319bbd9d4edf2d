/** The server of a simulation: the real hub over stores in memory, contents as they are, and rights. */
import type { FileRow, JournalRow } from "../../core/files/model.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import type { PermissionWord } from "../../core/protocol/common.ts";
import type { Command, Result, Submission } from "../../core/sync/commands.ts";
import { Hub } from "../../core/sync/hub.ts";
import { ApiError } from "../../client/errors.ts";
import type { ChangeAnswer, OutgoingChange, RemoteChange, RemoteFile, RemoteLine } from "../../client/sync/ports.ts";
import { MemoryDriveStore } from "../support/memory/drive-store.ts";

const TENANT = 7;
const PAGE = 15;

export const refusal = (code: string, detail = ""): ApiError =>
  new ApiError({ type: "about:blank", title: "", status: 409, code, detail, request_id: "" });

interface Drive {
  owner: string;
  store: MemoryDriveStore;
  hub: Hub;
  upload_id: string;
}

export interface Caller {
  user_id: string;
  device_id: string;
  device_name: string;
}

interface Cursor {
  seqs: Record<string, number>;
  /** What others shared when it was made: permission by file. */
  grants: Record<string, PermissionWord>;
}

/** Stands for SHA-256: the simulation's contents are short texts. */
export const hashOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export class SimServer {
  readonly drives = new Map<string, Drive>();
  readonly contents = new Map<string, Uint8Array<ArrayBuffer>>();
  /** By user and file. */
  readonly grants = new Map<string, { user_id: string; file_id: string; permission: PermissionWord }>();
  readonly failures: unknown[] = [];
  /** Contents whose place the later change took, since who made it may make no file beside them (CF3, CF12). */
  readonly replaced = new Set<string>();
  now = 1_000_000;
  /** Journals that begin later than this many entries ago are not kept. */
  kept = Infinity;
  #next = 1;

  id(): string {
    return `00000000-0000-8000-8000-${(this.#next++).toString(16).padStart(12, "0")}`;
  }

  addUser(): string {
    const user_id = this.id();
    const store = new MemoryDriveStore(TENANT, user_id, 1_000_000, this.now);
    const hub = new Hub({
      store,
      now: () => this.now,
      newId: () => this.id(),
      announce: () => undefined,
      report: (error) => this.failures.push(error),
    });
    const upload_id = this.id();
    store.interfere((state) =>
      state.uploads.set(upload_id, {
        tenant_id: TENANT,
        upload_id,
        drive_id: user_id,
        state: "open",
        target: null,
        size: null,
        reserved_bytes: 0,
        declared_hash: null,
        part_size: 0,
        base: null,
        block_bits: 16,
        created_by: user_id,
        device_id: null,
        file_id: null,
        created_at: this.now,
        expires_at: Infinity,
      }),
    );
    this.drives.set(user_id, { owner: user_id, store, hub, upload_id });
    return user_id;
  }

  // --- Rows and rights --------------------------------------------------------------------------------------------

  row(file_id: string): FileRow | undefined {
    for (const { store } of this.drives.values()) {
      const row = store.state.files.get(file_id);
      if (row !== undefined) return row;
    }
    return undefined;
  }

  #chain(row: FileRow): FileRow[] {
    const { files } = this.drives.get(row.drive_id)!.store.state;
    const chain = [row];
    for (let at = row; at.parent_id !== null;) {
      const next = files.get(at.parent_id);
      if (next === undefined) break;
      chain.push((at = next));
    }
    return chain;
  }

  permission(user_id: string, row: FileRow): PermissionWord | null {
    if (row.drive_id === user_id) return "owner";
    let best: PermissionWord | null = null;
    for (const above of this.#chain(row)) {
      const grant = this.grants.get(`${user_id}/${above.file_id}`);
      if (grant !== undefined && best !== "edit") best = grant.permission;
    }
    return best;
  }

  isLiving(row: FileRow): boolean {
    return this.#chain(row).every(({ trashed_at }) => trashed_at === null);
  }

  /** As a person sees it; null when not. @param given what who changed it had a right to */
  view(user_id: string, row: FileRow | undefined, given: PermissionWord | null = null): RemoteFile | null {
    if (row === undefined) return null;
    const permission = this.permission(user_id, row) ?? given;
    if (permission === null) return null;
    const { file_id, drive_id, parent_id, name, is_folder, size, content_hash, version_id, vector, metadata } = row;
    const at = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
    return structuredClone({
      file_id,
      drive_id,
      parent_id,
      name,
      is_folder,
      size,
      content_hash,
      version_id,
      vector,
      permission,
      metadata,
      modified_at: at(row.modified_at),
      trashed_at: at(row.trashed_at),
    });
  }

  #need(user_id: string, file_id: string): FileRow {
    const row = this.row(file_id);
    const permission = row === undefined ? null : this.permission(user_id, row);
    if (row === undefined || permission === null) throw new DriveError("not_found", "There is no such file.");
    if (permission === "view" || permission === "comment") throw new DriveError("forbidden", "Only for reading.");
    return row;
  }

  /** Null ends it. */
  share(user_id: string, file_id: string, permission: PermissionWord | null): void {
    const key = `${user_id}/${file_id}`;
    if (permission === null) this.grants.delete(key);
    else this.grants.set(key, { user_id, file_id, permission });
    const { drive_id } = this.row(file_id)!;
    this.drives.get(drive_id)!.store.interfere(({ permissions }) => {
      if (permission === null) permissions.delete(`${file_id}/${user_id}`);
      else
        permissions.set(`${file_id}/${user_id}`, {
          tenant_id: TENANT,
          file_id,
          permission_id: user_id,
          drive_id,
          kind: "user",
          permission,
          user_id,
          email: null,
          name: null,
          token: null,
          password_hash: null,
          max_downloads: null,
          created_by: drive_id,
          created_at: 0,
          expires_at: null,
          revoked_at: null,
        });
    });
  }

  // --- Changes of a device ----------------------------------------------------------------------------------------

  async delta(caller: Caller, changes: readonly OutgoingChange[]): Promise<ChangeAnswer[]> {
    const answers: (ChangeAnswer | undefined)[] = changes.map(() => undefined);
    let group: { i: number; submission: Submission; drive: Drive }[] = [];
    const flush = async (): Promise<void> => {
      const now = group;
      group = [];
      for (const drive of new Set(now.map((one) => one.drive))) {
        const own = now.filter((one) => one.drive === drive);
        const results = await drive.hub.submitAll(own.map(({ submission }) => submission));
        for (const [k, { i, submission }] of own.entries())
          answers[i] = this.#answer(caller, submission.op_id, results[k]!);
      }
    };
    for (const [i, change] of changes.entries()) {
      // Rights may depend on what came before in the batch.
      if (group.length > 0 && change.change.op === "update") await flush();
      try {
        const { drive, command } = this.#command(caller, change);
        const { device_id, device_name } = caller;
        const actor = { user_id: caller.user_id, device_id, device_name };
        group.push({ i, drive, submission: { command, actor, op_id: change.change.op_id } });
      } catch (error) {
        if (!(error instanceof DriveError)) throw error;
        answers[i] = this.#refused(change.change.op_id, error.code, error.message);
      }
    }
    await flush();
    return answers as ChangeAnswer[];
  }

  #refused(op_id: string, code: string, detail: string): ChangeAnswer {
    return { op_id, status: "rejected", file: null, copy: null, version_id: null, code, detail };
  }

  #answer({ user_id }: Caller, op_id: string, result: Result): ChangeAnswer {
    if (!result.ok) return this.#refused(op_id, result.failure.code, result.failure.detail);
    const { status, file, copy, version_id } = result.outcome;
    if (copy !== null && copy.trashed_at !== null) this.replaced.add(copy.content_hash!);
    const view = (row: FileRow | null) =>
      (row === null ? null : this.view(user_id, row, "edit")) as ChangeAnswer["file"];
    return { op_id, status, file: view(file), copy: view(copy), version_id, code: null, detail: null };
  }

  #command({ user_id }: Caller, outgoing: OutgoingChange): { drive: Drive; command: Command } {
    const drive = (row: FileRow): Drive => this.drives.get(row.drive_id)!;
    if ("content" in outgoing) return this.#put(user_id, outgoing);
    const { change } = outgoing;
    switch (change.op) {
      case "create_folder": {
        const { parent_id, name, base } = change;
        const at = drive(this.#need(user_id, parent_id));
        return { drive: at, command: { op: "create_folder", parent_id, name, on_name_conflict: "fail", base } };
      }
      case "update": {
        const { file_id, name, parent_id, base } = change;
        const at = drive(this.#need(user_id, file_id));
        if (parent_id !== undefined) this.#need(user_id, parent_id);
        return { drive: at, command: { op: "update", file_id, name, parent_id, base } };
      }
      case "trash": {
        const { file_id, base, seen } = change;
        return { drive: drive(this.#need(user_id, file_id)), command: { op: "trash", file_id, base, seen } };
      }
      case "untrash":
        throw new Error("The engine brings nothing back by itself.");
    }
  }

  #put(user_id: string, { change, content }: Extract<OutgoingChange, { content: unknown }>) {
    const place = this.#need(user_id, change.file_id ?? change.parent_id!);
    const at = this.drives.get(place.drive_id)!;
    const content_id = this.id();
    const { hash, size } = content;
    const bytes = new TextEncoder().encode(hash);
    this.contents.set(content_id, bytes);
    const about = { mime_type: null, modified_at: Date.parse(change.modified_at!), base: change.base };
    const target =
      change.file_id === undefined
        ? { kind: "file", parent_id: change.parent_id!, name: change.name!, on_name_conflict: "fail", ...about }
        : { kind: "version", file_id: change.file_id, if_version_id: null, ...about };
    const command = {
      op: "commit_content",
      upload_id: at.upload_id,
      target,
      content: {
        content_id,
        content_hash: hash,
        size,
        manifest: "",
        packs: [],
        borrowed: [],
        hooks: [],
        integrity: "ok",
      },
    } as Command;
    return { drive: at, command };
  }

  // --- What a device is told --------------------------------------------------------------------------------------

  #grantsOf(user_id: string): Cursor["grants"] {
    const own = [...this.grants.values()].filter((grant) => grant.user_id === user_id);
    const seen = own.filter(({ file_id }) => {
      const row = this.row(file_id);
      return row !== undefined && this.isLiving(row);
    });
    return Object.fromEntries(seen.map(({ file_id, permission }) => [file_id, permission]));
  }

  cursor(user_id: string): string {
    const seqs = Object.fromEntries([...this.drives].map(([id, { store }]) => [id, store.state.drive.seq]));
    return JSON.stringify({ seqs, grants: this.#grantsOf(user_id) } satisfies Cursor);
  }

  changes({ user_id }: Caller, text: string | null): { changes: RemoteChange[]; cursor: string; has_more: boolean } {
    const before: Cursor = text === null ? { seqs: { [user_id]: 0 }, grants: {} } : (JSON.parse(text) as Cursor);
    const changes: RemoteChange[] = [];
    const seqs = { ...before.seqs };
    let has_more = false;
    for (const [drive_id, { store }] of this.drives) {
      const { journal, drive } = store.state;
      const from = before.seqs[drive_id] ?? drive.seq;
      if (drive.seq - from > this.kept) throw refusal("cursor_expired");
      const entries = journal.slice(from, from + PAGE);
      if (from + PAGE < drive.seq) has_more = true;
      seqs[drive_id] = from + entries.length;
      changes.push(...this.#told(user_id, drive_id, entries));
    }
    const grants = this.#grantsOf(user_id);
    for (const file_id of Object.keys(before.grants))
      if (grants[file_id] === undefined) changes.push(this.#grant(user_id, file_id, "unshared", before));
    for (const [file_id, permission] of Object.entries(grants))
      if (before.grants[file_id] !== permission) changes.push(this.#grant(user_id, file_id, "shared", before));
    // What lies below what is gone, and is seen by a grant of its own (VD3).
    const gone = new Set(changes.filter(({ file }) => file === null).map(({ drive_id }) => drive_id));
    for (const file_id of Object.keys(grants))
      if (gone.has(this.row(file_id)!.drive_id)) changes.push(this.#grant(user_id, file_id, "shared", before));
    return { changes, cursor: JSON.stringify({ seqs, grants } satisfies Cursor), has_more };
  }

  #grant(user_id: string, file_id: string, op: "shared" | "unshared", { seqs }: Cursor): RemoteChange {
    const row = this.row(file_id);
    const file = row !== undefined && this.isLiving(row) ? this.view(user_id, row) : null;
    const drive_id = row?.drive_id ?? user_id;
    const seq = seqs[drive_id] ?? this.drives.get(drive_id)!.store.state.drive.seq;
    return { seq, drive_id, file_id, op, file };
  }

  #told(user_id: string, drive_id: string, entries: readonly JournalRow[]): RemoteChange[] {
    const last = new Map(entries.map(({ file_id, seq }) => [file_id, seq]));
    const isOwn = drive_id === user_id;
    return entries
      .filter(({ file_id, seq }) => last.get(file_id) === seq)
      .map(({ seq, file_id, op }) => {
        const row = this.row(file_id);
        const file = this.view(user_id, row);
        const isTold = isOwn || (row !== undefined && this.isLiving(row));
        return { seq, drive_id, file_id, op, file: isTold ? file : null };
      });
  }

  *snapshot({ user_id }: Caller, folder_id: string | null): Generator<RemoteLine> {
    if (folder_id === null) yield { type: "start", cursor: this.cursor(user_id) };
    const tops = folder_id === null ? [user_id, ...Object.keys(this.#grantsOf(user_id))] : [folder_id];
    for (const top of tops) {
      const row = this.row(top);
      if (row === undefined || this.permission(user_id, row) === null) {
        if (folder_id !== null) throw refusal("not_found");
        continue;
      }
      if (!this.isLiving(row)) {
        if (folder_id !== null) throw refusal("trashed");
        continue;
      }
      const { files } = this.drives.get(row.drive_id)!.store.state;
      const queue = [row];
      for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
        if (at.file_id !== user_id) yield { type: "file", file: this.view(user_id, at)! };
        for (const child of files.values())
          if (child.parent_id === at.file_id && child.trashed_at === null) queue.push(child);
      }
    }
    yield { type: "end" };
  }

  download({ user_id }: Caller, file_id: string, version_id: string): Uint8Array<ArrayBuffer> {
    const row = this.row(file_id);
    if (row === undefined || this.permission(user_id, row) === null) throw refusal("not_found");
    for (const version of this.drives.get(row.drive_id)!.store.state.versions.values())
      if (version.file_id === file_id && version.version_id === version_id)
        return this.contents.get(version.content_id)!;
    throw refusal("not_found");
  }

  // --- What people do without a sync client, and what a test looks at ------------------------------------------------

  async web(user_id: string, command: Command): Promise<Result> {
    const drive = [...this.drives.values()].find(({ store }) => store.state.files.has(fileOf(command)))!;
    return drive.hub.submit({ command, actor: { user_id, device_id: null, device_name: null }, op_id: this.id() });
  }

  /** All bytes that somebody can still get at: current, old and trashed versions. */
  reachable(): Set<string> {
    const found = new Set<string>();
    for (const { store } of this.drives.values())
      for (const version of store.state.versions.values()) found.add(hashOf(this.contents.get(version.content_id)!));
    return found;
  }

  /** Where a person sees a file. */
  path(user_id: string, file_id: string): string | null {
    const row = this.row(file_id);
    if (row === undefined) return null;
    const chain = this.#chain(row);
    if (row.drive_id === user_id)
      return chain
        .slice(0, -1)
        .map(({ name }) => name)
        .toReversed()
        .join("/");
    const top = chain.findLastIndex((above) => this.grants.has(`${user_id}/${above.file_id}`));
    const names = chain.slice(0, top + 1).map(({ name }) => name);
    return top < 0 ? null : ["Shared with me", ...names.toReversed()].join("/");
  }

  /** The contents of a file, or of all that lies in a folder. */
  below(row: FileRow): string[] {
    if (!row.is_folder) return [row.content_hash!];
    const { files } = this.drives.get(row.drive_id)!.store.state;
    return [...files.values()]
      .filter(({ parent_id }) => parent_id === row.file_id)
      .flatMap((child) => this.below(child));
  }

  /** What a person sees, by path. */
  tree(user_id: string): Map<string, string | null> {
    const found = new Map<string, string | null>();
    const walk = (row: FileRow, path: string): void => {
      found.set(path, row.is_folder ? null : row.content_hash!);
      if (!row.is_folder) return;
      for (const child of this.drives.get(row.drive_id)!.store.state.files.values())
        if (child.parent_id === row.file_id && child.trashed_at === null)
          walk(child, path === "" ? child.name : `${path}/${child.name}`);
    };
    walk(this.row(user_id)!, "");
    found.delete("");
    const shared = Object.keys(this.#grantsOf(user_id)).map((file_id) => this.row(file_id)!);
    const tops = shared.filter((row) => !shared.some((other) => other !== row && this.#chain(row).includes(other)));
    if (tops.length > 0) found.set("Shared with me", null);
    for (const row of tops) walk(row, `Shared with me/${row.name}`);
    return found;
  }
}

const fileOf = (command: Command): string =>
  "file_id" in command ? command.file_id! : (command as { parent_id: string }).parent_id;
