/** docs/spec/tiers.md, through real databases, buckets and doors. */
import { beforeEach, describe, expect, it } from "vitest";
import type { FileRow } from "../../core/files/model.ts";
import { packKey } from "../../core/packs/format.ts";
import { dayOf } from "../../core/tiers/policy.ts";
import { R2TierObjects } from "../../platform/r2/tier-objects.ts";
import { movedClock } from "../../test/support/clock.ts";
import { newUser, apiEnv, Api } from "../../test/support/workerd/api.ts";
import { bindings, DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { Visitor } from "../../test/support/workerd/visitor.ts";
import { WatchedR2 } from "../../test/support/workerd/watched-r2.ts";
import { waitFor } from "../../test/support/wait-for.ts";

const { later } = movedClock();

let drive: DriveFixture;

beforeEach(async () => {
  drive = await DriveFixture.create();
});

interface Row {
  pack_id: string;
  tier: string | null;
  read_day: number | null;
  reads: number | null;
}

const packs = async (tenant = drive.tenant, shard = drive.shard): Promise<Row[]> =>
  (
    await shard
      .prepare("select pack_id, tier, read_day, reads from packs where tenant_id = ?1 order by pack_id")
      .bind(tenant)
      .all<Row & Record<string, unknown>>()
  ).results;

/** A bucket that remembers which classes were asked for: the simulator forgets them. */
function classyBucket(real = bindings.BLOBS) {
  const classes = new Map<string, string>();
  const withClass = <T extends R2Object | null>(object: T): T =>
    object === null
      ? object
      : new Proxy(object, {
          get: (target, name) => {
            const value: unknown =
              name === "storageClass" ? (classes.get(target.key) ?? "Standard") : Reflect.get(target, name, target);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
  const bucket = new Proxy(real, {
    get: (target, name) => {
      if (name === "head") return async (key: string) => withClass(await target.head(key));
      if (name === "put")
        return async (key: string, body: ReadableStream, options: R2PutOptions) => {
          const put = await target.put(key, body, options);
          if (put !== null) classes.set(key, String(options.storageClass ?? "Standard"));
          return put;
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { bucket, classes };
}

const LARGE = 3_000_000;

async function tick(bucket: R2Bucket): Promise<void> {
  await new Pipeline({ BLOBS: bucket }).tick();
}

describe("tiers over real stores", () => {
  it("TI4, TI9, TI11: what is unread for 30 days is rewritten in the other class, and reads as before", async () => {
    const bytes = noise(LARGE);
    const file = await drive.file("old.bin", bytes);
    const { bucket, classes } = classyBucket();
    later(29);
    await tick(bucket);
    expect((await packs()).map(({ tier }) => tier)).toEqual([null]);
    later(2);
    await tick(bucket);
    const [pack] = await packs();
    expect(pack?.tier).toBe("infrequent");
    const moved = [...classes].filter(([, to]) => to === "InfrequentAccess");
    expect(moved).toEqual([[packKey(drive.tenant, pack!.pack_id), "InfrequentAccess"]]);
    expect(Buffer.compare(await drive.read(file.file_id), bytes)).toBe(0);
  });

  it("TI12: the bytes of each tier are counted, and told to the operator", async () => {
    await drive.file("old.bin", noise(LARGE));
    later(31);
    await drive.file("new.bin", noise(1000));
    await tick(classyBucket().bucket);
    const row = await drive.shard
      .prepare("select tier_bytes from tenants where tenant_id = ?1")
      .bind(drive.tenant)
      .first<string>("tier_bytes");
    const counted = JSON.parse(row as string) as Record<string, number>;
    expect(counted.infrequent).toBeGreaterThan(LARGE);
    expect(counted.standard).toBeGreaterThan(1000);
    const headers = { authorization: `Bearer ${(apiEnv as unknown as { OPERATOR_TOKEN: string }).OPERATOR_TOKEN}` };
    const { bytes } = await new Api().ask("GET", "/metrics", { headers });
    expect(new TextDecoder().decode(bytes)).toMatch(
      /edgedrive_storage_bytes\{shard="SHARD_00",tier="infrequent"\} \d{7}/,
    );
  });

  it("TI1, TI2: a download on a later day writes one row a pack, however often it is asked for", async () => {
    const user = await newUser({ DEFAULT_PLAN: "generous" });
    const file = await user.file("read.bin", noise(1000));
    const find = async (): Promise<Row | undefined> => {
      const tenant = (await user.ok<{ tenant: { tenant_id: number } }>("GET", "me")).tenant.tenant_id;
      const shards = await Promise.all([bindings.SHARD_00!, bindings.SHARD_01!].map((db) => packs(tenant, db)));
      return shards.flat()[0];
    };
    await user.ask("GET", `files/${file.file_id}/download`);
    later(3);
    const again = await user.ok<{ access_token: string }>("POST", "auth/login", {
      json: { email: user.signedIn.user.email, password: "correct horse battery staple" },
    });
    user.token = again.access_token;
    for (let i = 0; i < 3; i++) expect((await user.ask("GET", `files/${file.file_id}/download`)).status).toBe(200);
    await waitFor(async () => (await find())?.read_day === dayOf(Date.now()));
    expect((await find())?.reads).toBe(1);
  });

  it("TI13: a link's bytes that come from the cache are a read", async () => {
    const file = (await drive.file("shared.bin", noise(1000))) as FileRow;
    const token = (await drive.grant(file.file_id)).token as string;
    const visitor = new Visitor();
    await visitor.ask(`/s/${token}/download`);
    later(1);
    visitor.reset();
    await visitor.ask(`/s/${token}/download`);
    expect(visitor.counts.r2).toBe(0);
    await waitFor(async () => (await packs())[0]?.read_day === dayOf(Date.now()));
  });
});

describe("R2TierObjects", () => {
  const moverOf = (bucket: R2Bucket): R2TierObjects => new R2TierObjects(bucket, drive.engine.objects);
  const key = (): string => `test/${crypto.randomUUID()}`;
  const METADATA = { tenant: "7", pack_key: "abc" };

  async function fromParts(at: string, bytes: Uint8Array): Promise<void> {
    const upload = await bindings.BLOBS.createMultipartUpload(at, { customMetadata: METADATA });
    const size = 5 * 1024 * 1024;
    const parts = [];
    for (let from = 0, part = 1; from < bytes.length; from += size, part++)
      parts.push(await upload.uploadPart(part, bytes.subarray(from, from + size)));
    await upload.complete(parts);
  }

  it("TI9: one object, put whole or in parts, keeps bytes and metadata, in one write", async () => {
    const bytes = noise(11 * 1024 * 1024);
    const [whole, parts] = [key(), key()];
    await bindings.BLOBS.put(whole, bytes, { customMetadata: METADATA });
    await fromParts(parts, bytes);
    const { bucket, classes } = classyBucket();
    const watched = new WatchedR2(bucket);
    for (const [at, reads] of [
      [whole, 2],
      [parts, 3],
    ] as const) {
      const calls = await watched.count(() => moverOf(watched.bucket).move(at, "infrequent"));
      expect(calls).toEqual({ class_a: 1, class_b: reads });
      const object = (await bindings.BLOBS.get(at))!;
      expect(object.customMetadata).toEqual(METADATA);
      expect(Buffer.compare(Buffer.from(await object.arrayBuffer()), Buffer.from(bytes))).toBe(0);
      expect(classes.get(at)).toBe("InfrequentAccess");
    }
    const again = await watched.count(() => moverOf(watched.bucket).move(whole, "infrequent"));
    expect(again).toEqual({ class_a: 0, class_b: 1 });
  });

  it("TI10: what is not there, or goes meanwhile, is not brought back", async () => {
    const mover = moverOf(bindings.BLOBS);
    expect(await mover.move(key(), "infrequent")).toBe(false);
    const at = key();
    await bindings.BLOBS.put(at, noise(100));
    const racing = new Proxy(bindings.BLOBS, {
      get: (target, name) => {
        if (name === "put")
          return async (...args: Parameters<R2Bucket["put"]>) => {
            await target.delete(at);
            return target.put(...args);
          };
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    expect(await moverOf(racing).move(at, "infrequent")).toBe(false);
    expect(await bindings.BLOBS.head(at)).toBeNull();
  });
});
