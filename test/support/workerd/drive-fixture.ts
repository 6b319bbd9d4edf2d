/** A drive in a real shard, changed through the real hub: for tests of what reads it. */
import { env } from "cloudflare:workers";
import type { FileRow, PermissionRow } from "../../../core/files/model.ts";
import { fromFailure } from "../../../core/protocol/errors.ts";
import type { FileUpload } from "../../../core/uploads/model.ts";
import { newId, newShareToken, newTenantId } from "../../../core/protocol/ids.ts";
import { collect } from "../../../core/storage/collect.ts";
import { readContent } from "../../../core/storage/read.ts";
import type { Engine } from "../../../core/storage/engine.ts";
import { packKey } from "../../../core/packs/format.ts";
import { parseText } from "../../../core/manifests/root.ts";
import { BODY_PIECE, PackSeries, writeBlocks, writeRoot } from "../../../core/storage/write.ts";
import type { Command, Outcome, StoredContent, Submission } from "../../../core/sync/commands.ts";
import { Hub } from "../../../core/sync/hub.ts";
import type { UploadDeps } from "../../../core/uploads/ports.ts";
import type { Caller } from "../../../core/uploads/service.ts";
import { D1RightsStore } from "../../../platform/d1/shard/rights-store.ts";
import { D1UploadStore } from "../../../platform/d1/shard/upload-store.ts";
import { D1DriveStore } from "../../../platform/d1/shard/drive-store.ts";
import { provisionTenant } from "../../../platform/d1/shard/provision.ts";
import { workerBytes } from "../../../platform/r2/bytes.ts";
import { createEngine } from "../../../platform/engine.ts";
import { readConfig } from "../../../platform/config.ts";
import { ShardMap } from "../../../platform/d1/shard-map.ts";

export const bindings = env as unknown as Record<string, D1Database> & { BLOBS: R2Bucket };

interface FileOptions {
  parent_id?: string;
  mime_type?: string;
  file_id?: string;
  /** As of several chunks: the server does not know the whole's hash yet. */
  pending?: boolean;
  declared_hash?: string;
}

export class DriveFixture {
  readonly tenant: number;
  readonly shard: D1Database;
  readonly engine: Engine;
  /** User, drive and root folder. */
  readonly root: string;
  readonly #hub: Hub;

  private constructor(tenant: number, root: string, shard: D1Database, bucket: R2Bucket) {
    this.tenant = tenant;
    this.root = root;
    this.shard = shard;
    const shards = new ShardMap(
      bindings.DIRECTORY!,
      new Map([
        ["SHARD_00", shard],
        ["SHARD_01", shard],
      ]),
    );
    this.engine = createEngine(
      { ...bindings, BLOBS: bucket, DIRECTORY: bindings.DIRECTORY! },
      shards,
      readConfig(env, "MASTER_KEYS").MASTER_KEYS,
    );
    this.#hub = new Hub({
      store: new D1DriveStore(shard, tenant, root),
      now: () => Date.now(),
      newId: () => this.id(),
      announce: () => undefined,
      report: (error) => console.error(error),
    });
  }

  /** @param watch what the drive shall see in place of the shard itself, @param bucket and of the bucket */
  static async create(
    shard = "SHARD_00",
    watch = (db: D1Database): D1Database => db,
    bucket: R2Bucket = bindings.BLOBS,
  ): Promise<DriveFixture> {
    const tenant = newTenantId();
    const now = Date.now();
    const root = newId(tenant, now);
    await bindings
      .DIRECTORY!.prepare(
        `insert into tenants (tenant_id, kind, name, shard, state, plan, created_at)
         values (?1, 'personal', 'Test', ?2, 'active', 'generous', ?3)`,
      )
      .bind(tenant, shard, now)
      .run();
    const db = bindings[shard]!;
    await provisionTenant(db, { tenant_id: tenant, name: "Test", plan: "generous", storage_bytes: 2 ** 40 }, root, now);
    return new DriveFixture(tenant, root, watch(db), bucket);
  }

  /** Another drive of the same tenant. */
  async sibling(): Promise<DriveFixture> {
    const root = this.id();
    const kept = "select tenant_id, ?2, kind, name, limit_bytes, created_at from drives where tenant_id = ?1 limit 1";
    await this.shard.batch([
      this.shard
        .prepare(`insert into drives (tenant_id, drive_id, kind, name, limit_bytes, created_at) ${kept}`)
        .bind(this.tenant, root),
      this.shard
        .prepare(
          `insert into files (tenant_id, file_id, drive_id, name, name_key, is_folder, created_by, created_at, updated_at)
           values (?1, ?2, ?2, 'My Drive', 'my drive', 1, ?2, 1, 1)`,
        )
        .bind(this.tenant, root),
    ]);
    return new DriveFixture(this.tenant, root, this.shard, bindings.BLOBS);
  }

  id(): string {
    return newId(this.tenant, Date.now());
  }

  async submit(submission: Submission): Promise<Outcome> {
    const result = await this.#hub.submit(submission);
    if (!result.ok) throw fromFailure(result.failure);
    return result.outcome;
  }

  run(command: Command): Promise<Outcome> {
    return this.submit({ command, actor: { user_id: this.root, device_id: null }, op_id: crypto.randomUUID() });
  }

  /** The drive's owner, once. */
  caller(): Caller {
    return {
      principal: { kind: "user", user_id: this.root },
      actor: { user_id: this.root, device_id: null },
      op_id: crypto.randomUUID(),
      may_repeat: false,
    };
  }

  /** What uploads touch; budgets are endless. */
  get uploads(): UploadDeps {
    return {
      tenant_id: this.tenant,
      rights: new D1RightsStore(this.shard, this.tenant),
      uploads: new D1UploadStore(this.shard, this.tenant),
      engine: this.engine,
      bytes: workerBytes,
      submit: (_drive, submission) => this.submit(submission),
      now: () => Date.now(),
      spend: async () => undefined,
    };
  }

  async folder(name: string, parent_id = this.root): Promise<FileRow> {
    return (await this.run({ op: "create_folder", parent_id, name, on_name_conflict: "fail" })).file as FileRow;
  }

  /** A session of so many bytes, not opened yet. */
  upload(name: string, size: number, options: FileOptions = {}): FileUpload {
    const rest = { mime_type: options.mime_type ?? "text/plain", modified_at: null };
    const target =
      options.file_id === undefined
        ? ({
            kind: "file",
            parent_id: options.parent_id ?? this.root,
            name,
            on_name_conflict: "fail",
            ...rest,
          } as const)
        : ({ kind: "version", file_id: options.file_id, if_version_id: null, ...rest } as const);
    const now = Date.now();
    return {
      tenant_id: this.tenant,
      upload_id: this.id(),
      drive_id: this.root,
      state: "open",
      target,
      size,
      reserved_bytes: size,
      declared_hash: options.declared_hash ?? null,
      part_size: 0,
      block_bits: 14,
      base: null,
      created_by: this.root,
      device_id: null,
      file_id: null,
      created_at: now,
      expires_at: now + 1_000_000,
    };
  }

  /** A file, or with `file_id` a new version of one. */
  async file(name: string, bytes: Uint8Array, options: FileOptions = {}): Promise<FileRow> {
    const upload = this.upload(name, bytes.length, options);
    const { upload_id, target } = upload;
    await this.run({ op: "reserve_upload", upload });
    const stored = await this.store(upload_id, bytes);
    const content: StoredContent = options.pending ? { ...stored, content_hash: null, integrity: "pending" } : stored;
    return (await this.run({ op: "commit_upload", upload_id, target, content })).file as FileRow;
  }

  /** Bytes in packs of an upload, not yet visible. */
  async store(upload_id: string, bytes: Uint8Array): Promise<StoredContent> {
    const series = new PackSeries(this.engine, this.tenant, upload_id);
    const pieces = workerBytes.pieces(new Blob([bytes]).stream(), BODY_PIECE);
    const root = await writeBlocks(series, pieces, { bits: 14, size: bytes.length, whole: true });
    const hasher = workerBytes.hasher();
    await hasher.update(bytes);
    return {
      content_id: this.id(),
      content_hash: await hasher.digest(),
      size: bytes.length,
      manifest: await writeRoot(series, root),
      packs: series.finished,
      borrowed: [],
      hooks: [],
      integrity: "ok",
    };
  }

  /** All bytes of a file's current version. */
  async read(file_id: string): Promise<Uint8Array> {
    const row = await this.shard
      .prepare(
        `select f.size, c.manifest from files f join contents c on c.tenant_id = ?1 and c.content_id = f.content_id
         where f.tenant_id = ?1 and f.file_id = ?2`,
      )
      .bind(this.tenant, file_id)
      .first<{ size: number; manifest: string }>();
    const { manifest, size } = row as { size: number; manifest: string };
    return collect(await readContent(this.engine, this.tenant, manifest, 0, size), size);
  }

  /** A grant to a user, or a link when no user is named. */
  async grant(file_id: string, fields: Partial<PermissionRow> = {}): Promise<PermissionRow> {
    const isLink = fields.user_id === undefined;
    const permission: PermissionRow = {
      tenant_id: this.tenant,
      file_id,
      permission_id: this.id(),
      drive_id: this.root,
      kind: isLink ? "link" : "user",
      permission: "view",
      user_id: null,
      email: null,
      name: null,
      token: isLink ? newShareToken(this.tenant) : null,
      password_hash: null,
      max_downloads: null,
      created_by: this.root,
      created_at: Date.now(),
      expires_at: null,
      revoked_at: null,
      ...fields,
    };
    return (await this.run({ op: "grant", permission })).permission as PermissionRow;
  }

  /** Takes a file's bytes away from R2. @returns puts them back */
  async loseBytes(file_id: string): Promise<() => Promise<void>> {
    const sql = `select c.manifest from files f join contents c on c.tenant_id = f.tenant_id and c.content_id = f.content_id
      where f.tenant_id = ?1 and f.file_id = ?2`;
    const row = await this.shard.prepare(sql).bind(this.tenant, file_id).first<{ manifest: string }>();
    const { packs } = await parseText((row as { manifest: string }).manifest);
    const key = packKey(this.tenant, packs[0] as string);
    const object = (await bindings.BLOBS.get(key)) as R2ObjectBody;
    const kept = await object.arrayBuffer();
    await bindings.BLOBS.delete(key);
    return async () => void (await bindings.BLOBS.put(key, kept, { customMetadata: object.customMetadata ?? {} }));
  }

  revoke({ file_id, permission_id }: PermissionRow): Promise<Outcome> {
    return this.run({ op: "revoke", file_id, permission_id });
  }
}

/** Bytes that differ everywhere, so that a wrong offset shows. */
export const noise = (length: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};
