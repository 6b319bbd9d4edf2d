/** docs/spec/durability.md, SC1 to RC4, through real databases, buckets, hubs and queues. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { FileRow } from "../../core/files/model.ts";
import { parseText } from "../../core/manifests/root.ts";
import { packKey } from "../../core/packs/format.ts";
import { scrub } from "../../core/scrub/scrub.ts";
import { countFindings, D1Findings } from "../../platform/d1/shard/findings.ts";
import { D1ScrubStore } from "../../platform/d1/shard/scrub-store.ts";
import { R2ObjectStore } from "../../platform/r2/object-store.ts";
import { movedClock } from "../../test/support/clock.ts";
import { bindings, DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { WatchedD1 } from "../../test/support/workerd/watched-d1.ts";
import { WatchedR2 } from "../../test/support/workerd/watched-r2.ts";
import { DAY } from "../../core/time.ts";

const { BLOBS_REPLICA } = env as unknown as { BLOBS_REPLICA: R2Bucket };

const { later } = movedClock();

let drive: DriveFixture;

beforeEach(async () => {
  drive = await DriveFixture.create();
});

async function keyOf({ content_id }: FileRow): Promise<string> {
  const manifest = await drive.shard
    .prepare("select manifest from contents where tenant_id = ?1 and content_id = ?2")
    .bind(drive.tenant, content_id)
    .first<string>("manifest");
  return packKey(drive.tenant, (await parseText(manifest as string)).packs[0] as string);
}

async function damage(key: string): Promise<Uint8Array> {
  const object = (await bindings.BLOBS.get(key)) as R2ObjectBody;
  const bytes = new Uint8Array(await object.arrayBuffer());
  const other = bytes.slice();
  other[10]! ^= 1;
  await bindings.BLOBS.put(key, other, { customMetadata: object.customMetadata ?? {} });
  return bytes;
}

const findings = async (): Promise<{ kind: string; pack_id: string; files: string | null }[]> =>
  (
    await drive.shard
      .prepare("select kind, pack_id, files from findings where tenant_id = ?1 order by kind, pack_id")
      .bind(drive.tenant)
      .all<{ kind: string; pack_id: string; files: string | null }>()
  ).results;

/** All packs of the tenant come to their turn on the day of one of them: the days before count as done. */
async function dayOf(key: string): Promise<void> {
  const value = Number.parseInt(key.slice(key.indexOf("/") + 33).slice(0, 4), 16);
  const part = Math.floor((value * 90 + 89) / 65_536);
  const today = Math.floor(Date.now() / DAY);
  let wanted = today + 1;
  while (wanted % 90 !== part) wanted++;
  later(wanted - today);
  await drive.shard
    .prepare("update tenants set scrubbed_day = ?2 where tenant_id = ?1")
    .bind(drive.tenant, wanted - 2)
    .run();
}

describe("scrubbing", () => {
  it("SC4, SC5: damage is found on its day, with its files; it goes when it is whole again", async () => {
    const [one, two] = [await drive.file("one", noise(20_000)), await drive.file("two", noise(20_000))];
    const key = await keyOf(one);
    const whole = await damage(key);
    await dayOf(key);
    const pipeline = new Pipeline({ BLOBS_REPLICA: undefined });
    await pipeline.tick();
    const pack_id = key.split("/")[1] as string;
    expect(await findings()).toEqual([{ kind: "damaged", pack_id, files: JSON.stringify([one.file_id]) }]);
    expect(await countFindings(drive.shard)).toContainEqual({ kind: "damaged", count: 1 });
    expect(await drive.read(two.file_id)).toHaveLength(20_000);
    const { customMetadata } = (await bindings.BLOBS.head(key)) as R2Object;
    await bindings.BLOBS.put(key, whole, { customMetadata: customMetadata ?? {} });
    later(1);
    await pipeline.tick();
    expect(await findings()).toEqual([]);
  });

  it("SC3: it is healed from the replica, whole and with its metadata", async () => {
    const file = await drive.file("file", noise(20_000));
    const key = await keyOf(file);
    const whole = await damage(key);
    const { customMetadata } = (await bindings.BLOBS.head(key)) as R2Object;
    await BLOBS_REPLICA.put(key, whole, { customMetadata: customMetadata ?? {} });
    await bindings.BLOBS.put(key, new Uint8Array(5));
    await dayOf(key);
    await new Pipeline().tick();
    expect((await findings()).filter(({ kind }) => kind === "damaged")).toEqual([]);
    const healed = (await bindings.BLOBS.get(key)) as R2ObjectBody;
    expect(new Uint8Array(await healed.arrayBuffer())).toEqual(whole);
    expect(healed.customMetadata).toEqual(customMetadata);
    expect(await drive.read(file.file_id)).toHaveLength(20_000);
  });

  it("SC7: a row read for a pack and day, one written for a day; four calls and one for 8 MiB for a pack", async () => {
    const count = 10;
    for (let i = 0; i < count; i++) await drive.file(`f${i}`, noise(5_000));
    await drive.shard.prepare("update tenants set scrubbed_day = ?2 where tenant_id = ?1").bind(drive.tenant, 1).run();
    const watched = new WatchedD1(drive.shard);
    const bucket = new WatchedR2(bindings.BLOBS);
    const deps = {
      tenant_id: drive.tenant,
      store: new D1ScrubStore(watched.db, drive.tenant),
      findings: new D1Findings(watched.db, drive.tenant),
      engine: drive.engine,
      primary: new R2ObjectStore(bucket.bucket),
      copy: null,
      now: () => Date.now(),
      report: () => undefined,
    };
    let days = 0;
    const rows = await watched.count(async () => {
      for (let next = await scrub(deps, null); next !== null; days++) next = await scrub(deps, next);
    });
    expect(days).toBe(89);
    // The packs, and the tenant's own row.
    expect(rows.read).toBeLessThanOrEqual(90 * (count + 4));
    expect(rows.written).toBeLessThanOrEqual(90);
    expect(bucket.calls).toEqual({ class_a: 0, class_b: 4 * count });
  });
});

describe("reconciliation", () => {
  it("RC1, RC2: once a month, and nothing is changed", async () => {
    const [lost, kept] = [await drive.file("lost", noise(100)), await drive.file("kept", noise(100))];
    const stray = packKey(drive.tenant, "0".repeat(48));
    await bindings.BLOBS.delete(await keyOf(lost));
    await BLOBS_REPLICA.delete(await keyOf(lost));
    await bindings.BLOBS.put(stray, new Uint8Array(10));
    later(4);
    const pipeline = new Pipeline();
    await pipeline.tick();
    const lostId = (await keyOf(lost)).split("/")[1];
    expect((await findings()).map(({ kind, pack_id }) => [kind, pack_id])).toEqual([
      ["no_object", lostId],
      ["no_row", "0".repeat(48)],
    ]);
    expect(await bindings.BLOBS.head(stray)).not.toBeNull();
    expect(await drive.read(kept.file_id)).toHaveLength(100);
    await bindings.BLOBS.delete(stray);
    later(1);
    await pipeline.tick();
    expect((await findings()).filter(({ kind }) => kind !== "damaged")).toHaveLength(2);
    later(30);
    await pipeline.tick();
    expect((await findings()).filter(({ kind }) => kind !== "damaged").map(({ kind }) => kind)).toEqual(["no_object"]);
  });
});
