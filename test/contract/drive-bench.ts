/** Rows and commits for the contract of drive stores. */
import type { FileRow, JournalRow, PermissionRow, VersionRow } from "../../core/files/model.ts";
import { nameKey } from "../../core/files/names.ts";
import { newId, tenantOf } from "../../core/protocol/ids.ts";
import { noNeeds } from "../../core/sync/plan/index.ts";
import type { DriveStore, Needs, Snapshot, Writes } from "../../core/sync/ports.ts";
import type { UploadRow } from "../../core/uploads/model.ts";

export interface OpenDrive {
  store: DriveStore;
  /** Drive, root folder and user. */
  root: string;
  /** Puts the tenant out of this store's service, as a move to another shard does. */
  suspend(): Promise<void>;
}

export const emptyWrites = (): Writes => ({
  expected: {
    seq: 0,
    used_bytes: 0,
    reserved_bytes: 0,
  },
  seq: 0,
  due: {},
  used_delta: 0,
  reserved_delta: 0,
  files: [],
  versions: [],
  contents: [],
  verifications: [],
  verified: [],
  packs: [],
  borrowed: [],
  hooks: [],
  permissions: [],
  uploads: [],
  settled: [],
  purged_files: [],
  purged_versions: [],
  journal: [],
});

/** Rows for the tests, and commits on the sequence number as it is. */
export class Bench {
  readonly drive: OpenDrive;
  readonly root: string;
  readonly store: DriveStore;
  readonly #tenant: number;

  constructor(drive: OpenDrive) {
    this.drive = drive;
    this.root = drive.root;
    this.store = drive.store;
    this.#tenant = tenantOf(drive.root);
  }

  load = async (needs: Partial<Needs>): Promise<Snapshot> => {
    const found = await this.store.load({ ...noNeeds(), ...needs });
    if (found === null) throw new Error("the drive is gone");
    return found;
  };

  async commit(writes: Partial<Writes>): Promise<void> {
    const { seq, used_bytes, reserved_bytes } = (await this.load({})).drive;
    const expected = { seq, used_bytes, reserved_bytes };
    const moved = seq + (writes.journal?.length ?? 0);
    await this.store.commit({ ...emptyWrites(), expected, seq: moved, ...writes });
  }

  /** Files as they are, each with its journal entry. */
  async create(...files: FileRow[]): Promise<void> {
    const { seq } = (await this.load({})).drive;
    await this.commit({ files, journal: files.map((f, i) => this.entry(seq + i + 1, "created", f.file_id)) });
  }

  id = (): string => newId(this.#tenant, 1_000);

  folder(name: string, parent_id: string): FileRow {
    return {
      tenant_id: this.#tenant,
      file_id: this.id(),
      drive_id: this.root,
      parent_id,
      name,
      name_key: nameKey(name),
      is_folder: true,
      size: 0,
      mime_type: null,
      content_id: null,
      content_hash: null,
      integrity: "ok",
      version_id: null,
      version_number: 0,
      version_count: 0,
      vector: { device: 1 },
      content_dot: "device:1",
      place_dot: "",
      conflict_of: null,
      conflict_policy: "last_writer_wins",
      metadata: {
        a: 1,
        b: null,
      },
      created_by: this.root,
      created_at: 1,
      updated_at: 2,
      modified_at: null,
      trashed_at: null,
    };
  }

  file(name: string, parent_id: string, size: number): FileRow {
    const bytes = { content_id: this.id(), content_hash: "0".repeat(64), mime_type: "text/plain", size };
    const version = { version_id: this.id(), version_number: 1, version_count: 1 };
    return { ...this.folder(name, parent_id), ...bytes, ...version, is_folder: false };
  }

  /** Folders, each in the one before. */
  chain(length: number): FileRow[] {
    const folders: FileRow[] = [];
    for (let i = 0; i < length; i++) folders.push(this.folder(`level ${i}`, folders[i - 1]?.file_id ?? this.root));
    return folders;
  }

  bytesOf(file: FileRow): [VersionRow, Writes["contents"][number]] {
    const { tenant_id, file_id, version_number, content_hash, size, mime_type } = file;
    const [version_id, content_id] = [file.version_id as string, file.content_id as string];
    const at = { created_by: this.root, device_id: null, created_at: 3, change_description: null, is_shared: false };
    return [
      {
        tenant_id,
        file_id,
        version_number,
        version_id,
        content_id,
        content_hash,
        size,
        mime_type,
        ...at,
      },
      { tenant_id, content_id, content_hash, size, manifest: '{"v":1,"extents":[]}', created_at: 3, is_ended: false },
    ];
  }

  bytesOfAll(files: FileRow[]): [VersionRow[], Writes["contents"]] {
    const all = files.map((f) => this.bytesOf(f));
    return [all.map(([v]) => v), all.map(([, c]) => c)];
  }

  entry(seq: number, op: JournalRow["op"], file_id: string): JournalRow {
    return {
      tenant_id: this.#tenant,
      drive_id: this.root,
      seq,
      op,
      file_id,
      from_id: null,
      version_id: null,
      permission_id: null,
      op_id: `op-${seq}`,
      actor_id: this.root,
      device_id: null,
      conflict_of: null,
      at: seq,
    };
  }

  upload(size: number): UploadRow {
    const target = { kind: "file", parent_id: this.root, name: "up", on_name_conflict: "fail" } as const;
    return {
      tenant_id: this.#tenant,
      upload_id: this.id(),
      drive_id: this.root,
      state: "open",
      size,
      target: {
        ...target,
        mime_type: null,
        modified_at: null,
      },
      reserved_bytes: size,
      declared_hash: null,
      part_size: 8,
      block_bits: 16,
      base: null,
      created_by: this.root,
      device_id: null,
      file_id: null,
      created_at: 1,
      expires_at: 9,
    };
  }

  permission(file_id: string): PermissionRow {
    return {
      tenant_id: this.#tenant,
      file_id,
      permission_id: this.id(),
      drive_id: this.root,
      kind: "user",
      permission: "view",
      user_id: this.id(),
      email: null,
      name: null,
      token: null,
      password_hash: null,
      max_downloads: null,
      created_by: this.root,
      created_at: 1,
      expires_at: null,
      revoked_at: null,
    };
  }
}
