/** Verification and single storage through real databases, hubs and queues: docs/spec/storage.md, S5 to S9; events.md, E14, E15. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { FileRow, VerificationRow } from "../../core/files/model.ts";
import { ATTEMPTS_MAX, NEVER } from "../../core/events/consume.ts";
import { parseText } from "../../core/manifests/root.ts";
import { findUnverified } from "../../platform/d1/shard/verification-store.ts";
import { movedClock } from "../../test/support/clock.ts";
import { DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { Api, sha256 } from "../../test/support/workerd/api.ts";
import { HOUR, DAY } from "../../core/time.ts";

const { pass } = movedClock();

let drive: DriveFixture;
let pipeline: Pipeline;

beforeEach(async () => {
  drive = await DriveFixture.create();
  pipeline = new Pipeline();
});

const all = async <T>(sql: string, at = drive): Promise<T[]> =>
  (await at.shard.prepare(sql).bind(at.tenant).all<T & Record<string, unknown>>()).results;
const waiting = () => all<VerificationRow>("select * from verifications where tenant_id = ?1");
const fileOf = async ({ file_id }: FileRow): Promise<FileRow> =>
  (await all<FileRow>(`select * from files where tenant_id = ?1 and file_id = '${file_id}'`))[0]!;
const manifestOf = async ({ content_id }: FileRow): Promise<string> =>
  (
    await all<{ manifest: string }>(
      `select manifest from contents where tenant_id = ?1 and content_id = '${content_id}'`,
    )
  )[0]!.manifest;

const settle = async (): Promise<void> => {
  pipeline.wake(drive, 1, true);
  await pipeline.drain();
};

describe("S5, S7, E14: a content without a hash", () => {
  it("gets it with the wake of its commit, in the content, its versions and its files", async () => {
    const bytes = noise(100_000);
    const first = await drive.file("first.bin", bytes, { pending: true });
    await drive.run({ op: "copy_tree", file_id: first.file_id, parent_id: drive.root, name: "copy.bin" });
    await drive.file("first.bin", noise(10), { file_id: first.file_id });
    await settle();
    const hash = await sha256(bytes);
    const of = `where tenant_id = ?1 and content_id = '${first.content_id}'`;
    expect(await all(`select content_hash from contents ${of}`)).toEqual([{ content_hash: hash }]);
    expect(await all(`select content_hash from versions ${of}`)).toEqual([
      { content_hash: hash },
      { content_hash: hash },
    ]);
    expect(await all(`select content_hash, integrity, name from files ${of}`)).toEqual([
      { content_hash: hash, integrity: "ok", name: "copy.bin" },
    ]);
    expect(await all("select op from journal where tenant_id = ?1 and op = 'verified'")).toEqual([]);
    expect(await waiting()).toEqual([]);
  });

  it("that was said to have another one keeps its bytes and says so; neither version nor times change", async () => {
    const bytes = noise(10);
    const made = await drive.file("f", bytes, { pending: true, declared_hash: "0".repeat(64) });
    pass(1000);
    await settle();
    const content_hash = await sha256(bytes);
    const now = await fileOf(made);
    expect(now).toMatchObject({ content_hash, integrity: "declared_hash_mismatch" });
    expect([now.version_id, now.updated_at, now.vector]).toEqual([
      made.version_id,
      made.updated_at,
      JSON.stringify(made.vector),
    ]);
    expect(await all("select op, file_id from journal where tenant_id = ?1 order by seq desc limit 1")).toEqual([
      { op: "verified", file_id: made.file_id },
    ]);
  });

  it("only wakes that speak of one go to its queue", async () => {
    await drive.folder("folder");
    pipeline.losing.add("VERIFICATION_DEAD");
    pipeline.wake(drive, 1);
    await pipeline.deliver("FILE_EVENTS");
    expect(pipeline.waiting("VERIFICATION")).toEqual([]);
    pipeline.wake(drive, 3, true);
    pipeline.wake(drive, 2);
    await pipeline.deliver("FILE_EVENTS");
    expect(pipeline.waiting("VERIFICATION").map(({ body }) => body)).toMatchObject([{ drive_id: drive.root, seq: 3 }]);
  });

  it("whose wake was lost is found by the sweep, as is one whose run ended in the middle", async () => {
    const made = await drive.file("f", noise(1000), { pending: true });
    pass(10_000);
    let dies = true;
    const SYNC_HUB = {
      idFromName: (name: string) => (env as unknown as { SYNC_HUB: DurableObjectNamespace }).SYNC_HUB.idFromName(name),
      get: (id: DurableObjectId) => {
        if (dies) throw new Error("overloaded");
        return (env as unknown as { SYNC_HUB: DurableObjectNamespace }).SYNC_HUB.get(id);
      },
    };
    pipeline = new Pipeline({ SYNC_HUB });
    await pipeline.tick();
    expect(await waiting()).toMatchObject([{ attempts: 1, error: "Error: overloaded" }]);
    dies = false;
    pass(31_000 + 5_000);
    await pipeline.tick();
    expect((await fileOf(made)).integrity).toBe("ok");
  });

  it("E14: of a tenant that is not active here wakes nobody, or it would for ever", async () => {
    await drive.file("f", noise(1000), { pending: true });
    pass(10_000);
    const set = (state: string) =>
      drive.shard.prepare("update tenants set state = ?2 where tenant_id = ?1").bind(drive.tenant, state).run();
    const woken = async () =>
      (await findUnverified(drive.shard, Date.now())).filter(({ tenant_id }) => tenant_id === drive.tenant);
    expect(await woken()).toEqual([{ tenant_id: drive.tenant, drive_id: drive.root }]);
    for (const state of ["moving", "deleted"]) {
      await set(state);
      expect(await woken()).toEqual([]);
    }
  });

  it("that is purged meanwhile is forgotten", async () => {
    const { file_id } = await drive.file("f", noise(1000), { pending: true });
    await drive.run({ op: "trash", file_id });
    await drive.run({ op: "purge", file_id });
    await settle();
    expect(await waiting()).toEqual([]);
  });

  it("E15: bytes that are lost are tried five times; then a letter, a row that stays, and no hash", async () => {
    const made = await drive.file("f", noise(1000), { pending: true });
    const restore = await drive.loseBytes(made.file_id);
    await settle();
    for (let i = 0; i < 6; i++) {
      pass(DAY);
      await pipeline.tick();
    }
    expect(await waiting()).toMatchObject([{ attempts: ATTEMPTS_MAX, next_at: NEVER }]);
    expect(pipeline.waiting("VERIFICATION_DEAD").map(({ body }) => body)).toMatchObject([
      { drive_id: drive.root, content_id: made.content_id, code: "integrity_error" },
    ]);
    expect(await fileOf(made)).toMatchObject({ content_hash: null, integrity: "pending" });
    const { OPERATOR_TOKEN } = env as unknown as { OPERATOR_TOKEN: string };
    const operator = { authorization: `Bearer ${OPERATOR_TOKEN}` };
    const { bytes: metrics } = await new Api().ask("GET", "/metrics", { headers: operator });
    expect(new TextDecoder().decode(metrics)).toContain('edgedrive_verifications{shard="SHARD_00",state="dead"} 1\n');
    await restore();
    await drive.shard.prepare("update verifications set next_at = 0, attempts = 0").run();
    await pipeline.tick();
    expect((await fileOf(made)).integrity).toBe("ok");
  });

  it("a message that is none is retried into the dead-letter queue and stops nothing", async () => {
    const made = await drive.file("f", noise(1000), { pending: true });
    pipeline.waiting("VERIFICATION").push({ body: { drive_id: "nonsense" }, attempts: 1 });
    await settle();
    expect((await fileOf(made)).integrity).toBe("ok");
    expect(pipeline.waiting("VERIFICATION")).toEqual([]);
  });
});

describe("S8, S9: equal contents of a tenant", () => {
  const bytes = noise(100_000);
  /** The tenant's daily sweep, an hour and more after the last upload. */
  const sweep = async (): Promise<void> => {
    pass(2 * HOUR + DAY);
    await pipeline.tick();
  };

  it("end in the packs of the oldest one, also of another drive's; what nobody needs then is left to garbage collection", async () => {
    const sibling = await drive.sibling();
    const first = await drive.file("first", bytes);
    pass(1000);
    const second = await sibling.file("second", bytes);
    const before = await manifestOf(second);
    expect(before).not.toBe(await manifestOf(first));
    await sweep();
    expect(await manifestOf(second)).toBe(await manifestOf(first));
    expect(await sibling.read(second.file_id)).toEqual(bytes);
    const packs = await all<{ pack_id: string; state: string }>(
      "select pack_id, state from packs where tenant_id = ?1",
    );
    const [kept] = (await parseText(await manifestOf(first))).packs;
    // The same day's round has found the other one; its object has the grace.
    expect(Object.groupBy(packs, ({ state }) => state)).toMatchObject({ live: [{ pack_id: kept }], condemned: [{}] });
    const restore = await drive.loseBytes(first.file_id);
    await expect(sibling.read(second.file_id)).rejects.toThrow();
    await restore();
  });

  it("are looked at once: the mark moves, behind what may still be under way", async () => {
    const first = await drive.file("first", bytes);
    await sweep();
    const mark = () => all<{ joined_content: string }>("select joined_content from tenants where tenant_id = ?1");
    expect(await mark()).toEqual([{ joined_content: first.content_id }]);
    await drive.file("late", noise(10));
    pass(DAY);
    vi.setSystemTime(Date.now() - DAY + 1000);
    await drive.shard.prepare("update tenants set swept_at = 0 where tenant_id = ?1").bind(drive.tenant).run();
    await pipeline.tick();
    expect(await mark(), "younger than an hour").toEqual([{ joined_content: first.content_id }]);
  });

  it("are compared by the hundred in a job, and the next one goes on there", async () => {
    const first = await drive.file("first", bytes);
    const COUNT = 320;
    pass(1000);
    const ids = Array.from({ length: COUNT }, () => drive.id());
    // The same file again and again, of which the sweep knows only by looking.
    for (const table of ["contents", "files"]) {
      const columns = (await all<{ name: string }>(`select name from pragma_table_info('${table}') where ?1`)).map(
        ({ name }) => name,
      );
      const values = columns.map((name) =>
        /^(content_id|file_id|name|name_key)$/.test(name) ? "j.value" : `x.${name}`,
      );
      await drive.shard
        .prepare(
          `insert into ${table} (${columns.join()}) select ${values.join()} from json_each(?2) j
             join ${table} x on x.tenant_id = ?1 and x.content_id = ?3`,
        )
        .bind(drive.tenant, JSON.stringify(ids), first.content_id)
        .run();
    }
    pass(2 * HOUR);
    pipeline
      .waiting("CLEANUP")
      .push({ body: { job: "join_contents", shard: "SHARD_00", tenant_id: drive.tenant }, attempts: 1 });
    const marks: string[] = [];
    while (pipeline.waiting("CLEANUP").length > 0) {
      await pipeline.deliver("CLEANUP");
      marks.push(
        (await all<{ joined_content: string }>("select joined_content from tenants where tenant_id = ?1"))[0]!
          .joined_content,
      );
    }
    const order = [first.content_id!, ...ids.toSorted()];
    expect(marks).toEqual([order[299], order.at(-1)]);
  });

  it("that was verified late is joined then, whatever the mark", async () => {
    const known = await drive.file("known", bytes);
    pass(1000);
    const pending = await drive.file("pending", bytes, { pending: true });
    await settle();
    expect(await manifestOf(pending)).toBe(await manifestOf(known));
  });

  it("of two tenants never meet", async () => {
    const other = await DriveFixture.create();
    const first = await drive.file("first", bytes);
    const second = await other.file("second", bytes);
    const before = await manifestOf(first);
    await sweep();
    expect(await manifestOf(first)).toBe(before);
    const [row] = await all<{ manifest: string }>("select manifest from contents where tenant_id = ?1", other);
    expect(row!.manifest).not.toBe(before);
    expect(await other.read(second.file_id)).toEqual(bytes);
  });

  it("S9: not onto packs that are not live, not when a row is not what was read", async () => {
    const first = await drive.file("first", bytes);
    pass(1000);
    const second = await drive.file("second", bytes);
    const before = await manifestOf(second);
    await drive.shard.prepare("update packs set state = 'condemned' where tenant_id = ?1").bind(drive.tenant).run();
    await sweep();
    expect(await manifestOf(second)).toBe(before);
    expect(await drive.read(first.file_id)).toEqual(bytes);
  });
});
