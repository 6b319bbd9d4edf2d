/** J4: the place in the journal for a time, and what finding it reads. */
import { beforeAll, describe, expect, it } from "vitest";
import { JOURNAL_KEPT } from "../../core/sync/kept.ts";
import { seqsBefore } from "../../platform/d1/shard/journal-store.ts";
import { bindings, DriveFixture } from "../support/workerd/drive-fixture.ts";
import { WatchedD1 } from "../support/workerd/watched-d1.ts";

const LENGTH = 20_000;
/** Entry `n` is of second `n`; from 10,001 to 10,100 they share one. */
const SHARED = 10_001;
const at = (seq: number): number => 1000 * (seq >= SHARED && seq < SHARED + 100 ? SHARED : seq);

const watched = new WatchedD1(bindings.SHARD_00!);
let drive: DriveFixture;

beforeAll(async () => {
  drive = await DriveFixture.create();
  await drive.shard.prepare("update drives set created_at = -1 where tenant_id = ?1").bind(drive.tenant).run();
  const rows = Array.from({ length: LENGTH }, (_, i) => at(i + 1));
  await drive.shard
    .prepare(
      `insert into journal (tenant_id, drive_id, seq, op, file_id, op_id, actor_id, at)
       select ?1, ?2, key + 1, 'created', ?2, 'op' || key, ?2, value from json_each(?3)`,
    )
    .bind(drive.tenant, drive.root, JSON.stringify(rows))
    .run();
});

const before = async (time: number): Promise<number | undefined> =>
  (await seqsBefore(watched.db, [drive.root], time, Date.now())).get(drive.root);

describe("J4: the last entry before a time", () => {
  it.each([
    ["the beginning of time", 0, 0],
    ["the first entry", at(1), 0],
    ["just after it", at(1) + 1, 1],
    ["somewhere", at(777), 776],
    ["entries of the same moment", at(SHARED), SHARED - 1],
    ["just after those", at(SHARED) + 1, SHARED + 99],
    ["the last entry", at(LENGTH), LENGTH - 1],
    ["now", Date.now(), LENGTH],
  ])("%s", async (_name, time, seq) => {
    expect(await before(time)).toBe(seq);
  });

  it("reads rows by the logarithm of the journal, wherever it is", async () => {
    for (const time of [0, at(1), at(LENGTH / 2), at(LENGTH), Date.now()]) {
      const { read } = await watched.count(() => before(time));
      // Each step reads the row in the middle and the step itself.
      expect(read, String(time)).toBeLessThan(8 * Math.ceil(Math.log2(LENGTH)));
    }
  });

  it("of an empty journal is none", async () => {
    const empty = await DriveFixture.create();
    expect(await seqsBefore(empty.shard, [empty.root], Date.now(), Date.now())).toEqual(new Map([[empty.root, 0]]));
  });

  it("J9: what was cut away is expired, but for a time before the drive was made, which is its beginning", async () => {
    await drive.shard.prepare("update drives set first_seq = 501 where tenant_id = ?1").bind(drive.tenant).run();
    expect(await before(at(501) + 1)).toBe(501);
    await expect(before(at(400))).rejects.toMatchObject({ code: "cursor_expired" });
    await expect(before(0)).rejects.toMatchObject({ code: "cursor_expired" });
    expect(await before(-1)).toBe(0);
    expect((await seqsBefore(drive.shard, [drive.root], at(400), at(400) + JOURNAL_KEPT)).get(drive.root)).toBe(500);
  });
});
