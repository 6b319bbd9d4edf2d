/** docs/spec/sync.md, J9, through real databases and hubs. */
import { beforeEach, describe, expect, it } from "vitest";
import { JOURNAL_KEPT } from "../../core/sync/kept.ts";
import { CONSUMERS } from "../../core/events/wake.ts";
import { DAY } from "../../core/time.ts";
import { BACKUP_MARK } from "../../platform/d1/shard/backup-source.ts";
import { PIECE } from "../../platform/d1/shard/journal-cut.ts";
import { DriveFixture } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";

let drive: DriveFixture;
const pipeline = new Pipeline();

beforeEach(async () => {
  drive = await DriveFixture.create();
});

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const run = (sql: string, ...more: unknown[]): Promise<unknown> =>
  drive.shard
    .prepare(sql)
    .bind(drive.tenant, ...more)
    .run();

/** Everything that happened so far was so many days ago. */
async function age(days: number): Promise<void> {
  const ms = days * DAY;
  await run("update journal set at = at - ?2 where tenant_id = ?1", ms);
  await run("update files set updated_at = updated_at - ?2 where tenant_id = ?1", ms);
}

async function mark(seq: number, consumers: readonly string[] = [...CONSUMERS, BACKUP_MARK]): Promise<void> {
  for (const consumer of consumers)
    await run(
      `insert into event_marks (tenant_id, drive_id, consumer, seq) values (?1, ?2, ?3, ?4)
       on conflict do update set seq = excluded.seq`,
      drive.root,
      consumer,
      seq,
    );
}

async function cut(): Promise<void> {
  const body = { job: "cut_journals", shard: "SHARD_00", tenant_id: drive.tenant };
  await pipeline.deliver("CLEANUP", [{ body, attempts: 1 }]);
  expect(pipeline.waiting("CLEANUP")).toEqual([]);
}

const firstSeq = (): Promise<number | null> =>
  drive.shard
    .prepare("select first_seq from drives where tenant_id = ?1")
    .bind(drive.tenant)
    .first<number>("first_seq");

async function journal(): Promise<{ seq: number; op: string; file_id: string }[]> {
  const { results } = await drive.shard
    .prepare("select seq, op, file_id from journal where tenant_id = ?1 order by seq")
    .bind(drive.tenant)
    .all<{ seq: number; op: string; file_id: string }>();
  return results;
}

describe("J9: what is old of a journal", () => {
  it("goes, but for the last change of each file that is there, grants, and the newest entry", async () => {
    const kept = await drive.file("kept.txt", text("1"));
    await drive.grant(kept.file_id);
    await age(40);
    await drive.file("kept.txt", text("2"), { file_id: kept.file_id });
    const gone = await drive.file("gone.txt", text("1"));
    await drive.run({ op: "trash", file_id: gone.file_id });
    await drive.run({ op: "purge", file_id: gone.file_id });
    const last = await drive.folder("last");
    await age(31);
    const { length } = await journal();
    await mark(length);
    await cut();
    expect(await firstSeq()).toBe(length);
    expect((await journal()).map(({ op, file_id }) => [op, file_id])).toEqual([
      ["shared", kept.file_id],
      ["modified", kept.file_id],
      ["created", last.file_id],
    ]);
    await cut();
    expect(await firstSeq()).toBe(length);
  });

  it("goes up to 30 days and no further", async () => {
    for (const name of ["a", "b"]) {
      const { file_id } = await drive.folder(name);
      await drive.run({ op: "trash", file_id });
      await drive.run({ op: "purge", file_id });
      await age(29.5);
    }
    await mark(6);
    await cut();
    expect(await firstSeq()).toBe(4);
    expect((await journal()).map(({ seq }) => seq)).toEqual([4, 5, 6]);
  });

  it.each([...CONSUMERS, BACKUP_MARK])(
    "stays while %s has not recorded it, or knows nothing of the drive",
    async (consumer) => {
      for (let i = 0; i < 5; i++) await drive.folder(`${i}`);
      await age(31);
      await mark(
        5,
        [...CONSUMERS, BACKUP_MARK].filter((other) => other !== consumer),
      );
      await cut();
      expect(await firstSeq()).toBe(1);
      await mark(2, [consumer]);
      await cut();
      expect(await firstSeq()).toBe(3);
    },
  );

  it("stays where a consumer could not handle it", async () => {
    const { file_id } = await drive.folder("gone");
    await drive.run({ op: "trash", file_id });
    await drive.run({ op: "purge", file_id });
    await drive.folder("last");
    await age(31);
    await mark(4);
    await run(
      `insert into event_failures (tenant_id, drive_id, consumer, seq, attempts, error, retry_at)
       values (?1, ?2, 'previews', 2, 5, '', 1)`,
      drive.root,
    );
    await cut();
    expect((await journal()).map(({ seq }) => seq)).toEqual([2, 4]);
  });

  it("goes in pieces, of all drives of the tenant, and over the gap of a restore", async () => {
    const other = await drive.sibling();
    const length = 2 * PIECE + 10;
    for (const { root } of [drive, other]) {
      await run(
        `insert into journal (tenant_id, drive_id, seq, op, file_id, op_id, actor_id, at)
         select ?1, ?2, value + iif(value > 100, 1000000, 0), 'purged', 'gone', 'op' || value, ?2, 0
         from (with recursive n(value) as (select 1 union all select value + 1 from n where value < ${length}) select value from n)`,
        root,
      );
      await run("update drives set seq = ?3 where tenant_id = ?1 and drive_id = ?2", root, length + 1_000_000);
      for (const consumer of [...CONSUMERS, BACKUP_MARK])
        await run("insert into event_marks values (?1, ?2, ?3, 99000000)", root, consumer);
    }
    await cut();
    expect((await journal()).map(({ seq }) => seq)).toEqual([length + 1_000_000, length + 1_000_000]);
  });

  it("of a drive that is written meanwhile nothing is lost: the hub only adds", async () => {
    for (let i = 0; i < 5; i++) await drive.folder(`${i}`);
    await age(31);
    await mark(5);
    const [made] = await Promise.all([drive.folder("meanwhile"), cut()]);
    expect((await journal()).at(-1)).toMatchObject({ seq: 6, file_id: made.file_id });
    expect(JOURNAL_KEPT).toBe(30 * DAY);
  });
});
