/** A drive in memory with its hub: what the tests of the hub and of sync ask things of. */
import type { DriveStore } from "../../../core/sync/ports.ts";
import type { Command, Result, StoredContent } from "../../../core/sync/commands.ts";
import { Hub } from "../../../core/sync/hub.ts";
import { newId } from "../../../core/protocol/ids.ts";
import type { JournalRow } from "../../../core/files/model.ts";
import type { FileUpload, UploadTarget } from "../../../core/uploads/model.ts";
import { MemoryDriveStore } from "./drive-store.ts";

export const TENANT = 7;

export class MemoryDrive {
  readonly store: MemoryDriveStore;
  readonly root: string;
  readonly announced: JournalRow[] = [];
  /** Ids of packs that are to be copied. */
  readonly copied: string[] = [];
  readonly reported: unknown[] = [];
  /** Moves only when a test moves it. */
  now = 1_000_000;

  constructor(limit_bytes = 1_000_000) {
    this.root = this.id();
    this.store = new MemoryDriveStore(TENANT, this.root, limit_bytes, this.now);
  }

  id(): string {
    return newId(TENANT, this.now);
  }

  /** A hub that believes it owns the drive. */
  hub(store: DriveStore = this.store): Hub {
    return new Hub({
      store,
      now: () => this.now,
      newId: () => this.id(),
      announce: (entries, { packs }) => {
        this.announced.push(...entries);
        this.copied.push(...packs);
      },
      report: (error) => this.reported.push(error),
    });
  }

  submit(hub: Hub, command: Command, op_id: string = crypto.randomUUID()): Promise<Result> {
    return hub.submit({ command, op_id, actor: { user_id: this.root, device_id: null } });
  }

  folder(name: string, parent_id = this.root): Command {
    return { op: "create_folder", parent_id, name, on_name_conflict: "fail" };
  }

  target(name: string, parent_id = this.root): Extract<UploadTarget, { kind: "file" }> {
    return { kind: "file", parent_id, name, on_name_conflict: "fail", mime_type: null, modified_at: null };
  }

  upload(target: UploadTarget, size: number): FileUpload {
    const upload_id = this.id();
    return {
      tenant_id: TENANT,
      upload_id,
      drive_id: this.root,
      state: "open",
      target,
      size,
      reserved_bytes: size,
      declared_hash: null,
      part_size: 0,
      block_bits: 16,
      base: null,
      created_by: this.root,
      device_id: null,
      file_id: null,
      created_at: this.now,
      expires_at: this.now + 1,
    };
  }

  /** A session of a batch, as a Worker begins it. */
  batch(): string {
    const upload = { ...this.upload(this.target(""), 0), target: null };
    this.store.interfere((state) => state.uploads.set(upload.upload_id, upload));
    return upload.upload_id;
  }

  content(size: number): StoredContent {
    return {
      content_id: this.id(),
      content_hash: null,
      size,
      manifest: "",
      packs: [],
      borrowed: [],
      hooks: [],
      integrity: "pending",
    };
  }
}
