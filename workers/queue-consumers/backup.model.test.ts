/**
 * docs/spec/durability.md, BK4 to BK9: random histories of a real drive, ticks, full backups whose slices lie between
 * changes, crashes before and after every write; each acknowledged moment comes back as it was.
 */
import { expect, it } from "vitest";
import { type FullState, runFull, writeSegments } from "../../core/backup/full.ts";
import { tenantBackupKeys } from "../../core/backup/keys.ts";
import { type RestoreCursor, restoreTenant } from "../../core/backup/restore.ts";
import { Vault } from "../../core/backup/vault.ts";
import type { FileRow, PermissionRow } from "../../core/files/model.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import { D1BackupSource } from "../../platform/d1/shard/backup-source.ts";
import { D1RestoreTarget } from "../../platform/d1/shard/restore-target.ts";
import { listPacks } from "../../platform/r2/pack-list.ts";
import { bindings, DriveFixture } from "../../test/support/workerd/drive-fixture.ts";
import { dump, wipe } from "../../test/support/workerd/tenant-rows.ts";

/** Small, so that a few changes need several segments and a few rows several pages. */
const LIMITS = { entries: 4, rows: 3 };
const STEPS = 90;

/** Mulberry32. */
const random = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

class Crash extends Error {}

class Play {
  readonly #drive: DriveFixture;
  readonly #next: () => number;
  readonly #source: D1BackupSource;
  readonly #vault: Vault;
  #full: FullState | null = null;
  #hasBegun = false;
  #crashes = false;
  readonly moments: { at: number; rows: Awaited<ReturnType<typeof dump>> }[] = [];

  constructor(drive: DriveFixture, seed: number) {
    this.#drive = drive;
    this.#next = random(seed);
    this.#source = new D1BackupSource(drive.shard, drive.tenant, LIMITS);
    const move = this.#source.moveMark.bind(this.#source);
    this.#source.moveMark = (...args) => this.#perhaps(() => move(...args));
    const { objects, codec, keys } = drive.engine;
    const put: typeof objects.put = (...args) => this.#perhaps(() => objects.put(...args));
    const bound = {
      put,
      get: objects.get.bind(objects),
      list: objects.list.bind(objects),
      delete: objects.delete.bind(objects),
    };
    this.#vault = new Vault(bound, codec, tenantBackupKeys(keys, drive.tenant));
  }

  async #perhaps<T>(work: () => Promise<T>): Promise<T> {
    if (this.#crashes && this.#next() < 0.1) throw new Crash();
    const result = await work();
    if (this.#crashes && this.#next() < 0.1) throw new Crash();
    return result;
  }

  /** A message that is delivered until it is acknowledged, sometimes twice. */
  async #delivered<T>(job: () => Promise<T>): Promise<T> {
    this.#crashes = true;
    for (;;) {
      try {
        const result = await job();
        if (this.#next() < 0.15) continue;
        this.#crashes = false;
        return result;
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
    }
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#next() * list.length)];
  }

  async #files(where: string): Promise<FileRow[]> {
    const { results } = await this.#drive.shard
      .prepare(`select * from files where tenant_id = ?1 and parent_id is not null and ${where} order by file_id`)
      .bind(this.#drive.tenant)
      .all<FileRow & Record<string, unknown>>();
    return results;
  }

  /** One change, whatever comes of it. */
  async change(): Promise<void> {
    const drive = this.#drive;
    const folders = [drive.root, ...(await this.#files("is_folder = 1 and trashed_at is null")).map((f) => f.file_id)];
    const parent_id = this.#pick(folders) as string;
    const name = `n${Math.floor(this.#next() * 6)}`;
    const bytes = new Uint8Array(Math.floor(this.#next() * 50)).fill(Math.floor(this.#next() * 256));
    const { file_id } = this.#pick(await this.#files("is_folder = 0")) ?? this.#none;
    const { file_id: any } = this.#pick(await this.#files("true")) ?? this.#none;
    const changes: (() => Promise<unknown>)[] = [
      () => drive.folder(name, parent_id),
      () => drive.file(name, bytes, { parent_id }),
      () => drive.file(name, bytes, { parent_id }),
      () => drive.file("", bytes, { file_id }),
      () => drive.run({ op: "update", file_id: any, name }),
      () => drive.run({ op: "update", file_id: any, parent_id }),
      () => drive.run({ op: "trash", file_id: any }),
      async () => drive.run({ op: "untrash", file_id: (await this.#trashed()).file_id }),
      async () => drive.run({ op: "purge", file_id: (await this.#trashed()).file_id }),
      () => drive.run({ op: "purge_versions", file_id, through: Math.ceil(this.#next() * 4) }),
      () => drive.run({ op: "copy_tree", file_id: this.#pick(folders) as string, parent_id, name }),
      () => drive.grant(any),
      () => this.#revoke(),
      () => this.#exchange(),
    ];
    try {
      await (this.#pick(changes) as () => Promise<unknown>)();
    } catch (error) {
      // What makes no sense is refused, and changes nothing.
      if (!(error instanceof DriveError)) throw error;
    }
  }

  /** Stands for what there is none of. */
  get #none(): Pick<FileRow, "file_id"> {
    return { file_id: this.#drive.id() };
  }

  async #trashed(): Promise<Pick<FileRow, "file_id">> {
    return this.#pick(await this.#files("trashed_at is not null")) ?? this.#none;
  }

  async #revoke(): Promise<void> {
    const { results } = await this.#drive.shard
      .prepare("select * from permissions where tenant_id = ?1 and revoked_at is null order by permission_id")
      .bind(this.#drive.tenant)
      .all<PermissionRow & Record<string, unknown>>();
    const permission = this.#pick(results);
    if (permission !== undefined) await this.#drive.revoke(permission);
  }

  /** Two siblings that exchange their names. */
  async #exchange(): Promise<void> {
    const living = await this.#files("trashed_at is null");
    const a = this.#pick(living);
    const b = this.#pick(living.filter((f) => f.parent_id === a?.parent_id && f.file_id !== a.file_id));
    if (a === undefined || b === undefined) return;
    const rename = (file: FileRow, name: string) => this.#drive.run({ op: "update", file_id: file.file_id, name });
    await rename(a, "between");
    await rename(b, a.name);
    await rename(a, b.name);
  }

  /** A slice of a full backup; it may be that changes come before the next one. */
  async fullSlice(): Promise<void> {
    const before = this.#full;
    this.#full = await this.#delivered(() =>
      runFull(
        { scope: this.#drive.tenant, source: this.#source, tenant: this.#source, vault: this.#vault, pages: 2 },
        before,
      ),
    );
    if (this.#full === null) this.#hasBegun = true;
  }

  async wholeFull(): Promise<void> {
    do await this.fullSlice();
    while (this.#full !== null);
  }

  async tick(): Promise<void> {
    const { tenant, root } = this.#drive;
    const deps = { vault: this.#vault, source: this.#source, tenant_id: tenant, drive_id: root };
    const few = Math.ceil(this.#next() * 3);
    const left = await this.#delivered(() => writeSegments(deps, few));
    if (left !== "done" || !this.#hasBegun) return;
    const rows = await dump(this.#drive);
    const at = await this.#source.now();
    this.moments.push({ at, rows });
    // The next change is of a later moment.
    while ((await this.#source.now()) <= at);
  }

  async run(): Promise<void> {
    await this.wholeFull();
    for (let step = 0; step < STEPS; step++) {
      const dice = this.#next();
      if (dice < 0.15) await this.tick();
      else if (dice < 0.3) await this.fullSlice();
      else await this.change();
    }
    for (let more = 0; more < 20; more++) await this.tick();
  }

  async restoredAt(at: number, into: D1Database): Promise<unknown> {
    const { engine, tenant } = this.#drive;
    const deps = {
      tenant_id: tenant,
      vault: this.#vault,
      target: new D1RestoreTarget(into, tenant),
      engine,
      packs: (after: string) => listPacks(bindings.BLOBS, tenant, after),
      keys: async () => [],
      archive: async () => null,
      living: null,
      reads_all: true,
      stays_closed: true,
    };
    for (let cursor: RestoreCursor | null = null; ;) {
      const slice = await restoreTenant(deps, at, cursor);
      if (!("progress" in slice)) throw new Error(slice.state);
      const { gaps, miscounted, without_bytes } = slice.progress;
      expect({ gaps, miscounted, without_bytes }).toEqual({ gaps: [], miscounted: [], without_bytes: [] });
      if (slice.state === "done") return dump({ tenant, shard: into });
      cursor = slice.cursor;
    }
  }
}

it.each(Array.from({ length: 6 }, (_, i) => i + 1))(
  "BK4 to BK9: each acknowledged moment comes back (seed %i)",
  async (seed) => {
    const drive = await DriveFixture.create();
    const play = new Play(drive, seed);
    await play.run();
    expect(play.moments.length).toBeGreaterThan(10);
    const other = bindings.SHARD_01 as D1Database;
    for (const { at, rows } of play.moments.filter((_, i) => i % 4 === seed % 4)) {
      await wipe({ tenant: drive.tenant, shard: other });
      expect(await play.restoredAt(at, other)).toEqual(rows);
    }
  },
  120_000,
);
