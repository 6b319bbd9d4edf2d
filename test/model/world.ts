/** A drive with its services over ports in memory. What a process holds dies with it; what ports hold stays. */
import { Hub } from "../../core/sync/hub.ts";
import type { BatchDeps } from "../../core/batch/ports.ts";
import type { Access } from "../../core/sharing/rights.ts";
import { boundedStore } from "../../core/sync/bounded-store.ts";
import { KeyRing } from "../../core/keys/ring.ts";
import { fromFailure } from "../../core/protocol/errors.ts";
import { newId } from "../../core/protocol/ids.ts";
import { ReplicatedKeyCopies } from "../../core/replica/replicated-keys.ts";
import { boundedObjects } from "../../core/storage/deadline.ts";
import type { Engine } from "../../core/storage/engine.ts";
import type { Command, Outcome, Result, Submission } from "../../core/sync/commands.ts";
import { expireUploads } from "../../core/uploads/expire.ts";
import type { UploadRow } from "../../core/uploads/model.ts";
import type { UploadDeps } from "../../core/uploads/ports.ts";
import { endVersions, purgeTrash, type RetentionDeps } from "../../core/versions/retention.ts";
import { MemoryDriveStore } from "../support/memory/drive-store.ts";
import { memoryEngine, MemoryKeyCopies, memoryKeys, MemoryKeys, nodeBytes } from "../support/memory/engine.ts";
import { MemoryObjectStore } from "../support/memory/object-store.ts";
import { MemoryRetentionStore } from "../support/memory/retention-store.ts";
import { MemoryRightsStore } from "../support/memory/rights-store.ts";
import { MemoryUploadStore } from "../support/memory/upload-store.ts";
import { Turns } from "./turns.ts";

export const TENANT = 7;
/** Small, so that it bites. */
export const POLICY = { version_days: 2, version_count: 3, trash_days: 2 };

/** The row of an upload, which the Worker makes, not the hub. */
interface Staging {
  op: "stage";
  upload: UploadRow;
}

/** A command on its way to the hub, and what was said of it. */
export interface Sent {
  command: Command | Staging;
  op_id: string;
  /** Undefined when the answer was lost. */
  result?: Result;
}

/** What one process has in memory. */
interface Process {
  hub: Hub;
  engine: Engine;
}

export class World {
  now = Date.UTC(2026, 0, 1);
  readonly turns = new Turns();
  readonly root = newId(TENANT, this.now);
  readonly drive: MemoryDriveStore;
  readonly uploads: MemoryUploadStore;
  readonly objects = new MemoryObjectStore();
  readonly keys = new MemoryKeys();
  readonly copies = new MemoryKeyCopies();
  readonly rights: MemoryRightsStore;
  readonly announced: string[] = [];
  process: Process;

  constructor(limit_bytes: number) {
    this.drive = new MemoryDriveStore(TENANT, this.root, limit_bytes, this.now);
    this.uploads = new MemoryUploadStore(this.drive);
    this.rights = new MemoryRightsStore(this.drive, () => this.now);
    this.process = this.#begin();
  }

  /** Another process takes over. */
  crash(): void {
    this.process = this.#begin();
  }

  #begin(): Process {
    const { turns } = this;
    const now = (): number => this.now;
    return {
      hub: new Hub({
        store: boundedStore(turns.port("drive", this.drive)),
        now,
        newId: () => newId(TENANT, this.now),
        announce: (entries) => this.announced.push(...entries.map((entry) => entry.op_id)),
        report: () => undefined,
      }),
      engine: {
        ...memoryEngine(this.objects, this.keys),
        objects: boundedObjects(turns.port("objects", this.objects)),
        keys: new KeyRing(
          memoryKeys({
            store: turns.port("keys", this.keys),
            copies: new ReplicatedKeyCopies(turns.port("copies", this.copies), null),
            now,
          }),
        ),
      },
    };
  }

  /** An engine of its own, straight on the ports: for looking at what is stored. */
  observer(): Engine {
    const keys = new KeyRing(memoryKeys({ store: this.keys, copies: this.copies, now: () => this.now }));
    return { ...memoryEngine(this.objects, this.keys), keys };
  }

  /** As an RPC to the hub: the way there may fail, and the way back. */
  async submit(submission: Submission, sent: Sent[]): Promise<Result> {
    const [result] = await this.#submitAll([submission], sent);
    return result as Result;
  }

  async #submitAll(submissions: Submission[], sent: Sent[]): Promise<Result[]> {
    const records = submissions.map(({ command, op_id }): Sent => ({ command, op_id }));
    const { hub } = this.process;
    await this.turns.call("rpc.ask", async () => undefined);
    // In the order in which the hub takes them (H1).
    sent.push(...records);
    const results = await hub.submitAll(submissions);
    for (const [i, record] of records.entries()) record.result = results[i] as Result;
    await this.turns.call("rpc.answer", async () => undefined);
    return results;
  }

  /** What the API's routes do with a refusal. */
  async run(submission: Submission, sent: Sent[]): Promise<Outcome> {
    const result = await this.submit(submission, sent);
    if (!result.ok) throw fromFailure(result.failure);
    return result.outcome;
  }

  uploadDeps(sent: Sent[]): UploadDeps {
    const { turns } = this;
    return {
      tenant_id: TENANT,
      rights: turns.port("rights", this.rights),
      uploads: turns.port("uploads", this.#watched(sent)),
      engine: this.process.engine,
      bytes: nodeBytes,
      submit: (_drive, submission) => this.run(submission, sent),
      now: () => this.now,
      spend: async () => undefined,
    };
  }

  batchDeps(sent: Sent[]): BatchDeps {
    const { turns, rights } = this;
    return {
      // One query.
      accesses: (principal, file_ids) =>
        turns.call("rights.all", async () => {
          const found = await Promise.all(file_ids.map(async (id) => [id, await rights.find(principal, id)] as const));
          return new Map(found.filter((entry): entry is [string, Access] => entry[1] !== null));
        }),
      uploadsOf: async () => this.uploadDeps(sent),
      submitAll: (_drive, submissions) => this.#submitAll(submissions, sent),
    };
  }

  /** The row of an upload of one request, or of a batch, comes from the Worker, not from the hub. */
  #watched(sent: Sent[]): MemoryUploadStore {
    const { uploads } = this;
    return new Proxy(uploads, {
      get: (_, key) => {
        const value = Reflect.get(uploads, key) as unknown;
        if (typeof value !== "function") return value;
        if (key !== "stage") return value.bind(uploads);
        return async (upload: UploadRow, needed: number) => {
          const staged = await uploads.stage(upload, needed);
          const nothing = { file: null, copy: null, made: "file", version_id: null, permission: null } as const;
          const outcome = { ...nothing, status: "applied", upload, replayed: false } as const;
          const command = { op: "stage", upload } as const;
          if (staged.is_staged)
            sent.push({ command, op_id: `stage:${upload.upload_id}`, result: { ok: true, outcome } });
          return staged;
        };
      },
    });
  }

  expire(sent: Sent[]): Promise<void> {
    return expireUploads({
      store: this.turns.port("expiry", this.uploads),
      objects: this.process.engine.objects,
      submit: (_drive, submission) => this.submit(submission, sent),
      now: () => this.now,
      report: () => undefined,
    });
  }

  async retain(sent: Sent[]): Promise<void> {
    const deps: RetentionDeps = {
      store: this.turns.port("retention", new MemoryRetentionStore(this.drive, POLICY)),
      runIn: () => async (command, op_id) =>
        (await this.run({ command, op_id, actor: { user_id: this.root, device_id: null } }, sent)).file,
      now: () => this.now,
      report: () => undefined,
    };
    await purgeTrash(deps, null);
    await endVersions(deps, null);
  }
}
