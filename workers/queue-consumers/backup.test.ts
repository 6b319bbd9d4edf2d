/** docs/spec/durability.md, BK1 to BK12, through real databases, buckets and hubs. */
import { beforeEach, describe, expect, it } from "vitest";
import { tenantBackupKeys } from "../../core/backup/keys.ts";
import { type Progress, type RestoreCursor, restoreTenant } from "../../core/backup/restore.ts";
import { Vault } from "../../core/backup/vault.ts";
import { D1RestoreTarget } from "../../platform/d1/shard/restore-target.ts";
import { listPacks } from "../../platform/r2/pack-list.ts";
import { bindings, DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { dump, wipe } from "../../test/support/workerd/tenant-rows.ts";

/** A minute in which backups are made. */
const TICK = new Date("2026-11-20T12:05:00Z");

let drive: DriveFixture;
beforeEach(async () => void (drive = await DriveFixture.create()));

const tick = (pipeline = new Pipeline()): Promise<void> => pipeline.tick(TICK);

async function restore(options: { at?: number; into?: D1Database } = {}): Promise<Progress[]> {
  const { engine, tenant } = drive;
  const deps = {
    tenant_id: tenant,
    vault: new Vault(engine.objects, engine.codec, tenantBackupKeys(engine.keys, tenant)),
    target: new D1RestoreTarget(options.into ?? drive.shard, tenant),
    engine,
    packs: (after: string) => listPacks(bindings.BLOBS, tenant, after),
    keys: async () => [],
    reads_all: true,
    stays_closed: false,
  };
  const told: Progress[] = [];
  for (let cursor: RestoreCursor | null = null; ;) {
    const slice = await restoreTenant(deps, options.at ?? Date.now() + 60_000, cursor);
    if (!("progress" in slice)) throw new Error(slice.state);
    told.push(slice.progress);
    if (slice.state === "done") return told;
    cursor = slice.cursor;
  }
}

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
    const told = await restore();
    expect(told.flatMap((p) => [...p.gaps, ...p.miscounted, ...p.without_bytes])).toEqual([]);
    expect(await dump(drive)).toEqual(before);
  });
});
