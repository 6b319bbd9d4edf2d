/** docs/spec/durability.md, BK1 to BK14, through real databases, buckets and hubs. */
import { getTableConfig, type SQLiteTable } from "drizzle-orm/sqlite-core";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { putBeside } from "../../core/backup/beside.ts";
import { tenantBackupKeys } from "../../core/backup/keys.ts";
import { newSegment } from "../../core/backup/names.ts";
import { segmentNames } from "../../core/backup/plan.ts";
import { type Progress, type RestoreCursor, restoreTenant, type Slice } from "../../core/backup/restore.ts";
import { Vault } from "../../core/backup/vault.ts";
import { parseText } from "../../core/manifests/root.ts";
import { newPackId, packKey } from "../../core/packs/format.ts";
import { DIRECTORY_TABLES, NOT_BACKED_UP_OF_DIRECTORY } from "../../platform/d1/directory/backup.ts";
import * as directory from "../../platform/d1/directory/schema.ts";
import { D1BackupSource } from "../../platform/d1/shard/backup-source.ts";
import { BACKED_UP, NOT_BACKED_UP } from "../../platform/d1/shard/backup-tables.ts";
import { D1BesideStore } from "../../platform/d1/shard/beside-store.ts";
import { forgetTenant } from "../../platform/d1/shard/close-tenant.ts";
import { D1RestoreTarget } from "../../platform/d1/shard/restore-target.ts";
import * as shard from "../../platform/d1/shard/schema.ts";
import { archiveOf } from "../../platform/archives.ts";
import { withArchives } from "../../platform/archived-objects.ts";
import { livingTenant } from "../../platform/d1/shard/living-tenant.ts";
import { S3ArchiveBucket } from "../../platform/s3/archive-bucket.ts";
import { R2TierObjects } from "../../platform/r2/tier-objects.ts";
import { ArchiveRows } from "../../platform/d1/shard/archive-rows.ts";
import { sealSettings } from "../../core/tiers/archive-settings.ts";
import { ARCHIVE } from "../../test/support/workerd/archive.ts";
import { listPacks } from "../../platform/r2/pack-list.ts";
import { bindings, DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { dump, wipe } from "../../test/support/workerd/tenant-rows.ts";

/** A minute in which backups are made. */
const TICK = new Date("2026-11-20T12:05:00Z");
const LATER = 60_000;

let drive: DriveFixture;
let vault: Vault;
beforeEach(async () => {
  drive = await DriveFixture.create();
  vault = new Vault(drive.engine.objects, drive.engine.codec, tenantBackupKeys(drive.engine.keys, drive.tenant));
});

const tick = (): Promise<void> => new Pipeline().tick(TICK);
const names = (): Promise<string[]> => drive.engine.objects.list(`backup/${drive.tenant}/`);

async function restore(
  options: {
    at?: number;
    into?: D1Database;
    stays_closed?: boolean;
    living?: D1Database;
    without_archive?: boolean;
  } = {},
): Promise<Slice | Pick<Progress, "gaps" | "miscounted" | "without_bytes" | "packs">> {
  const { engine, tenant } = drive;
  const into = options.into ?? drive.shard;
  const archive = async () => (options.without_archive ? null : archiveOf(into, engine.keys, tenant));
  const deps = {
    tenant_id: tenant,
    vault,
    target: new D1RestoreTarget(into, tenant),
    engine: { ...engine, objects: withArchives(engine.objects, { of: archive }) },
    packs: (after: string) => listPacks(bindings.BLOBS, tenant, after),
    keys: async () => [],
    archive,
    living: options.living === undefined ? null : livingTenant(options.living, tenant),
    reads_all: true,
    stays_closed: options.stays_closed ?? false,
  };
  const told = { gaps: [] as string[], miscounted: [] as string[], without_bytes: [] as never[], packs: 0 };
  for (let cursor: RestoreCursor | null = null; ;) {
    const slice = await restoreTenant(deps, options.at ?? Date.now() + LATER, cursor);
    if (!("progress" in slice)) return slice;
    told.gaps.push(...slice.progress.gaps);
    told.miscounted.push(...slice.progress.miscounted);
    told.without_bytes.push(...(slice.progress.without_bytes as never[]));
    told.packs += slice.progress.packs;
    if (slice.state === "done") return told;
    cursor = slice.cursor;
  }
}

const WELL = { gaps: [], miscounted: [], without_bytes: [] };

/** Between two changes, so that they are of different moments. */
async function moment(): Promise<number> {
  const source = new D1BackupSource(drive.shard, drive.tenant);
  const at = await source.now();
  while ((await source.now()) <= at);
  return at;
}

const column = async <T>(sql: string): Promise<T[]> =>
  (await drive.shard.prepare(sql).bind(drive.tenant).all<{ it: T }>()).results.map(({ it }) => it);

describe("what is backed up", () => {
  const tablesOf = (schema: object): string[] =>
    Object.values(schema).map((table) => getTableConfig(table as SQLiteTable).name);

  it("BK1: each table of a shard and of the directory is backed up, or given back by something else", () => {
    expect([...Object.keys(BACKED_UP), ...Object.keys(NOT_BACKED_UP)].toSorted()).toEqual(tablesOf(shard).toSorted());
    const known = [...Object.keys(DIRECTORY_TABLES), ...NOT_BACKED_UP_OF_DIRECTORY];
    expect(known.toSorted()).toEqual(tablesOf(directory).toSorted());
  });

  it("BK2: no name can be read in R2, and an object under another one's name does not open", async () => {
    await drive.folder("a very private name");
    await tick();
    const [first, second] = (await names()).filter((name) => !name.includes("/end-"));
    const object = (await bindings.BLOBS.get(first as string)) as R2ObjectBody;
    const bytes = await object.arrayBuffer();
    expect(new TextDecoder().decode(bytes)).not.toContain("private");
    await expect(vault.get(first as string)).resolves.toBeDefined();
    await bindings.BLOBS.put(second as string, bytes, { customMetadata: object.customMetadata ?? {} });
    await expect(vault.get(second as string)).rejects.toThrow("does not open");
    await bindings.BLOBS.delete(first as string);
    await expect(vault.get(first as string)).rejects.toThrow("is not there");
  });
});

describe("ticks", () => {
  it("BK6: a drive that did not move costs no object, one that did one; other minutes none", async () => {
    await tick();
    const full = await names();
    expect(full.some((name) => name.includes("/end-"))).toBe(true);
    await tick();
    expect(await names()).toEqual(full);
    await drive.folder("a");
    await drive.folder("b");
    await new Pipeline().tick();
    expect(await names()).toEqual(full);
    await tick();
    expect(await names()).toHaveLength(full.length + 1);
    const [segment] = await segmentNames(vault, drive.tenant);
    expect(segment).toMatchObject({ from: 0, upto: 2, is_cut: true });
  });

  it("BK6: a message that is lost is made up for by the next tick", async () => {
    await tick();
    await drive.folder("a");
    const pipeline = new Pipeline();
    pipeline.losing.add("CLEANUP");
    await pipeline.tick(TICK);
    expect(await segmentNames(vault, drive.tenant)).toEqual([]);
    await tick();
    expect(await segmentNames(vault, drive.tenant)).toHaveLength(1);
  });

  it("BK5: of a deleted tenant nothing stays", async () => {
    await tick();
    expect(await names()).not.toEqual([]);
    await bindings
      .DIRECTORY!.prepare("update tenants set state = 'deleted', deleted_at = 1 where tenant_id = ?1")
      .bind(drive.tenant)
      .run();
    await new Pipeline().tick();
    expect(await names()).toEqual([]);
  });
});

describe("a tenant that lost all its rows", () => {
  it("BK8: comes back as it was when the last tick was through", async () => {
    const folder = await drive.folder("Folder");
    const file = await drive.file("a.txt", noise(2000), { parent_id: folder.file_id });
    await tick();
    await drive.file("a.txt", noise(3000), { file_id: file.file_id });
    await drive.file("b.txt", noise(100));
    await drive.grant(folder.file_id);
    await tick();
    const before = await dump(drive);
    await wipe(drive);
    expect(await restore()).toMatchObject(WELL);
    expect(await dump(drive)).toEqual(before);
    await drive.file("c.txt", noise(10));
    expect(await column("select max(seq) as it from journal where tenant_id = ?1")).toEqual([1_000_006]);
  });

  it("BK9: one that is open is not touched, and what an earlier try left is wiped", async () => {
    await drive.file("a.txt", noise(10));
    await tick();
    await drive.folder("younger");
    expect(await restore()).toEqual({ state: "there" });
    await drive.shard.prepare("update tenants set state = 'moving' where tenant_id = ?1").bind(drive.tenant).run();
    expect(await restore()).toEqual({ state: "there" });
    await wipe(drive);
    await new D1RestoreTarget(drive.shard, drive.tenant).begin("0123456789abcdef", true);
    await drive.shard
      .prepare(
        "insert into drives (tenant_id, drive_id, kind, name, limit_bytes, created_at) values (?1, 'x', 'personal', '', 0, 0)",
      )
      .bind(drive.tenant)
      .run();
    expect(await restore()).toMatchObject(WELL);
    expect(await column("select drive_id as it from drives where tenant_id = ?1")).toEqual([drive.root]);
    expect(await restore({ at: 1 })).toEqual({ state: "no_backup" });
  });

  it("BK8: a hash that was verified without an entry is verified again", async () => {
    const file = await drive.file("a.bin", noise(5000), { pending: true });
    await tick();
    await new Pipeline().tick();
    await drive.shard.prepare("update verifications set next_at = 0 where tenant_id = ?1").bind(drive.tenant).run();
    const pipeline = new Pipeline();
    pipeline.wake(drive, 1, true);
    await pipeline.drain();
    expect(await column("select integrity as it from files where tenant_id = ?1 and is_folder = 0")).toEqual(["ok"]);
    const hash = await column("select content_hash as it from contents where tenant_id = ?1");
    await wipe(drive);
    expect(await restore()).toMatchObject(WELL);
    expect(await column("select integrity as it from files where tenant_id = ?1 and is_folder = 0")).toEqual([
      "pending",
    ]);
    const again = new Pipeline();
    again.wake(drive, 1, true);
    await again.drain();
    expect(await column("select content_hash as it from contents where tenant_id = ?1")).toEqual(hash);
    expect(await column("select content_hash as it from versions where tenant_id = ?1")).toEqual(hash);
    expect(await column("select integrity as it from files where tenant_id = ?1 and is_folder = 0")).toEqual(["ok"]);
    expect((await drive.read(file.file_id)).length).toBe(5000);
  });

  it("BK12: versions whose bytes are gone are named, all others come back", async () => {
    const lost = await drive.file("lost.bin", noise(5000));
    await drive.file("kept.bin", noise(5000));
    await tick();
    await drive.loseBytes(lost.file_id);
    await wipe(drive);
    expect(await restore()).toMatchObject({
      ...WELL,
      without_bytes: [{ file_id: lost.file_id, version_id: lost.version_id, content_id: lost.content_id }],
    });
  });

  it("BK8: bytes whose rows were lost become packs that rounds find", async () => {
    await drive.file("a.bin", noise(10));
    await tick();
    const pack_id = newPackId(drive.id());
    await bindings.BLOBS.put(packKey(drive.tenant, pack_id), noise(10), { customMetadata: { key_version: "1" } });
    await wipe(drive);
    expect(await restore()).toMatchObject({ ...WELL, packs: 2 });
    expect(await column("select pack_id as it from packs where tenant_id = ?1 and state = 'live'")).toContain(pack_id);
  });

  it("BK8: a missing segment is told, and the drive is as before it", async () => {
    await tick();
    await drive.folder("one");
    await tick();
    const before = await dump(drive);
    await drive.folder("two");
    await tick();
    await drive.folder("three");
    await tick();
    const [, second] = (await segmentNames(vault, drive.tenant)).toSorted((a, b) => a.at - b.at);
    await drive.engine.objects.delete([second?.name ?? ""]);
    await wipe(drive);
    expect(await restore()).toMatchObject({ ...WELL, gaps: [drive.root] });
    expect((await dump(drive)).files).toEqual(before.files);
  });

  it("BK12: files that are not what the drive counted are told", async () => {
    await drive.file("a.bin", noise(10));
    await tick();
    const source = new D1BackupSource(drive.shard, drive.tenant);
    await drive.file("b.bin", noise(10));
    const segment = await source.segment(drive.root, 1);
    if (segment === null) throw new Error("no segment");
    await vault.put(newSegment(drive.tenant, segment), { ...segment, files: [] });
    await wipe(drive);
    expect(await restore()).toMatchObject({ ...WELL, miscounted: [drive.root] });
  });

  it("BK10: a moment beside what is: purged files come back as copies, also when their contents were dropped", async () => {
    const folder = await drive.folder("Folder");
    const bytes = noise(3000);
    const purged = await drive.file("purged.bin", bytes, { parent_id: folder.file_id });
    const changed = await drive.file("changed.txt", noise(50), { parent_id: folder.file_id });
    await tick();
    const at = await moment();
    await drive.run({ op: "trash", file_id: purged.file_id });
    await drive.run({ op: "purge", file_id: purged.file_id });
    await drive.file("changed.txt", noise(70), { file_id: changed.file_id });
    const { packs } = await parseText(
      (
        await column<string>(
          `select manifest as it from contents where tenant_id = ?1 and content_id = '${purged.content_id}'`,
        )
      )[0] as string,
    );
    // As a round leaves it.
    await drive.shard.batch([
      drive.shard.prepare("delete from contents where tenant_id = ?1 and is_ended = 1").bind(drive.tenant),
      drive.shard
        .prepare("update packs set state = 'condemned', round = 'r' where tenant_id = ?1 and pack_id = ?2")
        .bind(drive.tenant, packs[0]),
    ]);
    const other = bindings.SHARD_01 as D1Database;
    expect(await restore({ at, into: other, stays_closed: true })).toMatchObject(WELL);
    const store = new D1BesideStore(other, drive.shard, drive.engine, drive.tenant, drive.root);
    const beside = () =>
      putBeside(
        {
          tenant_id: drive.tenant,
          drive_id: drive.root,
          at,
          name: "Restored",
          items: (offset) => store.items(offset),
          revive: (ids) => store.revive(ids),
          settle: (ids) => store.settle(ids),
          submit: (all) =>
            Promise.all(
              all.map((one) =>
                drive.submit(one).then(
                  () => null,
                  (error: { code: string }) => error.code,
                ),
              ),
            ),
        },
        0,
      );
    expect(await beside()).toEqual({ next: null, made: 4, refused: [] });
    const once = await dump(drive);
    expect((await beside()).refused).toEqual([]);
    expect(await dump(drive)).toEqual(once);
    const copy = (await column<string>(
      "select file_id as it from files where tenant_id = ?1 and name = 'purged.bin'",
    )) as [string];
    expect(await drive.read(copy[0])).toEqual(bytes);
    expect(await column("select distinct is_ended as it from contents where tenant_id = ?1 order by 1")).toEqual([
      0, 1,
    ]);
    while (!(await forgetTenant(other, drive.tenant)));
    const left = await other
      .prepare("select count(*) as n from files where tenant_id = ?1")
      .bind(drive.tenant)
      .first("n");
    expect(left).toBe(0);
  });
});

/** The daily backup, at once. */
async function fullBackup(): Promise<void> {
  const pipeline = new Pipeline();
  pipeline.waiting("CLEANUP").push({
    body: { job: "backup_tenant", shard: "SHARD_00", tenant_id: drive.tenant },
    attempts: 1,
  });
  await pipeline.drain();
  await moment();
}

/** As compaction, a round and the end of the grace leave it: the content lies in a new pack, the old one is gone. */
async function repack(content_id: string, bytes: Uint8Array): Promise<void> {
  const manifestOf = async (): Promise<string> =>
    (
      await column<string>(`select manifest as it from contents where tenant_id = ?1 and content_id = '${content_id}'`)
    )[0] as string;
  const old = (await parseText(await manifestOf())).packs[0] as string;
  const { manifest } = await drive.store(drive.id(), bytes);
  await drive.shard.batch([
    drive.shard
      .prepare("update contents set manifest = ?3 where tenant_id = ?1 and content_id = ?2")
      .bind(drive.tenant, content_id, manifest),
    drive.shard.prepare("delete from packs where tenant_id = ?1 and pack_id = ?2").bind(drive.tenant, old),
  ]);
  await bindings.BLOBS.delete(packKey(drive.tenant, old));
}

const drop = (content_id: string) =>
  drive.shard
    .prepare("delete from contents where tenant_id = ?1 and content_id = ?2")
    .bind(drive.tenant, content_id)
    .run();

describe("an old moment, whose packs are gone", () => {
  const bytes = noise(4000);
  let file: Awaited<ReturnType<DriveFixture["file"]>>;
  let content_id: string;
  let at: number;
  beforeEach(async () => {
    file = await drive.file("a.bin", bytes);
    content_id = file.content_id as string;
    await tick();
    at = await moment();
    await moment();
    await repack(content_id, bytes);
  });

  it("BK15: contents that were compacted since take their newest manifest", async () => {
    await fullBackup();
    await wipe(drive);
    expect(await restore({ at })).toMatchObject(WELL);
    expect(await drive.read(file.file_id)).toEqual(bytes);
    expect(await column("select distinct is_ended as it from contents where tenant_id = ?1")).toEqual([1]);
  });

  it("BK15: also those that the newest backup does not have any more, by each that was made between", async () => {
    await fullBackup();
    await repack(content_id, bytes);
    await fullBackup();
    await drop(content_id);
    await fullBackup();
    await wipe(drive);
    expect(await restore({ at })).toMatchObject(WELL);
    expect(await drive.read(file.file_id)).toEqual(bytes);
  });

  it("BK15: also what only the living tenant knows, and nothing of it changes", async () => {
    const other = bindings.SHARD_01 as D1Database;
    const before = await dump(drive);
    expect(await restore({ at, into: other, living: drive.shard, stays_closed: true })).toMatchObject(WELL);
    expect(await dump(drive)).toEqual(before);
    expect((await dump({ tenant: drive.tenant, shard: other })).contents).toEqual(before.contents);
    while (!(await forgetTenant(other, drive.tenant)));
  });

  it("BK15: what nobody has any more is told, and a newer backup that does not open stops nothing", async () => {
    await fullBackup();
    const all = await names();
    const newest = all
      .filter((name) => name.includes("/end-"))
      .toSorted()
      .at(-1) as string;
    await bindings.BLOBS.put(newest, noise(10));
    await wipe(drive);
    expect(await restore({ at })).toMatchObject({ ...WELL, without_bytes: [{ content_id, file_id: file.file_id }] });
    expect(await column("select distinct is_ended as it from contents where tenant_id = ?1")).toEqual([1]);
  });
});

describe("packs in the tenant's archive", () => {
  const bytes = noise(6000);
  const settings = (secret: string = ARCHIVE.secret_access_key) => ({
    ...ARCHIVE,
    endpoint: inject("s3" as never) as string,
    secret_access_key: secret,
  });
  const saveSettings = async (secret?: string): Promise<void> =>
    new ArchiveRows(drive.shard, drive.tenant).save(
      await sealSettings(drive.engine.keys, drive.tenant, settings(secret)),
    );
  let file: Awaited<ReturnType<DriveFixture["file"]>>;
  let pack_id: string;

  /** Into the archive alone, as walks do it. */
  async function archive(): Promise<void> {
    const key = packKey(drive.tenant, pack_id);
    await new R2TierObjects(bindings.BLOBS, drive.engine.objects).copyTo(new S3ArchiveBucket(settings()), key);
    await bindings.BLOBS.delete(key);
    await drive.shard
      .prepare("update packs set tier = 'archive', tiered_at = 1 where tenant_id = ?1 and pack_id = ?2")
      .bind(drive.tenant, pack_id)
      .run();
  }
  const packRows = async () =>
    (
      await drive.shard
        .prepare("select pack_id, state, size, key_version, tier from packs where tenant_id = ?1 order by pack_id")
        .bind(drive.tenant)
        .all()
    ).results;

  beforeEach(async () => {
    file = await drive.file("a.bin", bytes);
    await drive.file("in R2.bin", noise(10));
    const [manifest] = await column<string>(
      `select manifest as it from contents where tenant_id = ?1 and content_id = '${file.content_id}'`,
    );
    pack_id = (await parseText(manifest as string)).packs[0] as string;
  });

  it("BK16: are known as archived after all rows were lost, and nothing of them counts as lost", async () => {
    await saveSettings();
    await archive();
    await tick();
    const before = await packRows();
    await wipe(drive);
    expect(await restore()).toMatchObject(WELL);
    expect(await packRows()).toEqual(before);
    await expect(drive.read(file.file_id)).rejects.toMatchObject({ code: "archived" });
  });

  it("BK16: also those that were moved after the moment, by the settings of now", async () => {
    await tick();
    const at = await moment();
    await moment();
    await saveSettings();
    await archive();
    await fullBackup();
    const before = await packRows();
    await wipe(drive);
    expect(await restore({ at })).toMatchObject(WELL);
    expect(await packRows()).toEqual(before);
  });

  it("BK16: an archive that does not answer stops the restore; without it they count as lost", async () => {
    await saveSettings();
    await archive();
    await saveSettings("another-secret");
    await tick();
    await wipe(drive);
    await expect(restore()).rejects.toMatchObject({ code: "unavailable" });
    expect(await restore({ without_archive: true })).toMatchObject({
      ...WELL,
      without_bytes: [{ file_id: file.file_id }],
    });
  });
});

it("BK18: of two attempts the newer one goes on; what the other still writes fails as a whole", async () => {
  await drive.folder("a");
  await tick();
  await wipe(drive);
  const older = new D1RestoreTarget(drive.shard, drive.tenant);
  await older.begin("0000000000000001", true);
  const newer = new D1RestoreTarget(drive.shard, drive.tenant);
  expect(await newer.begin("0000000000000002", true)).toBe(true);
  const late = {
    table: "drives",
    rows: [{ tenant_id: drive.tenant, drive_id: "late", kind: "personal", name: "", limit_bytes: 0, created_at: 0 }],
  };
  for (const write of [older.add(late), older.wipe(), older.open(), older.begin("0000000000000001", false)])
    await expect(write).rejects.toMatchObject({ code: "precondition_failed" });
  expect(await column("select drive_id as it from drives where tenant_id = ?1")).toEqual([]);
  expect(await restore()).toMatchObject(WELL);
});
