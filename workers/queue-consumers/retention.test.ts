/** docs/spec/versions.md, V6 to V9, through real databases and hubs. */
import { beforeEach, describe, expect, it } from "vitest";
import type { FileRow } from "../../core/files/model.ts";
import type { Command } from "../../core/sync/commands.ts";
import { endVersions, purgeTrash, type RetentionDeps } from "../../core/versions/retention.ts";
import { D1RetentionStore } from "../../platform/d1/shard/retention-store.ts";
import { movedClock } from "../../test/support/clock.ts";
import { DriveFixture } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { DAY } from "../../core/time.ts";

const { pass } = movedClock();

let drive: DriveFixture;

beforeEach(async () => {
  drive = await DriveFixture.create();
});

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const ago = (days: number): number => Date.now() - days * DAY;

async function policy(fields: { version_days?: number; version_count?: number; trash_days?: number }): Promise<void> {
  for (const [name, value] of Object.entries(fields))
    await drive.shard.prepare(`update tenants set ${name} = ?2 where tenant_id = ?1`).bind(drive.tenant, value).run();
}

let files = 0;

/** A dozen sweeps over real databases. */
const SLOW = { timeout: 30_000 };

/** A file whose versions were made so many days ago, the oldest first. */
async function history(...days: number[]): Promise<FileRow> {
  const name = `file ${files++}.txt`;
  let file = await drive.file(name, text("version 1"));
  for (let i = 1; i < days.length; i++)
    file = await drive.file(name, text(`version ${i + 1}`), { file_id: file.file_id });
  for (const [i, age] of days.entries())
    await drive.shard
      .prepare("update versions set created_at = ?4 where tenant_id = ?1 and file_id = ?2 and version_number = ?3")
      .bind(drive.tenant, file.file_id, i + 1, ago(age))
      .run();
  return file;
}

async function trashed(name: string, days: number): Promise<FileRow> {
  const { file_id } = await drive.file(name, text("some bytes"));
  const { file } = await drive.run({ op: "trash", file_id });
  await drive.shard
    .prepare("update files set trashed_at = ?3 where tenant_id = ?1 and file_id = ?2")
    .bind(drive.tenant, file_id, ago(days))
    .run();
  return file as FileRow;
}

async function numbers({ file_id }: FileRow): Promise<number[]> {
  const { results } = await drive.shard
    .prepare("select version_number from versions where tenant_id = ?1 and file_id = ?2 order by version_number")
    .bind(drive.tenant, file_id)
    .all<{ version_number: number }>();
  return results.map((row) => row.version_number);
}

const find = ({ file_id }: FileRow): Promise<Record<string, unknown> | null> =>
  drive.shard.prepare("select * from files where tenant_id = ?1 and file_id = ?2").bind(drive.tenant, file_id).first();

const used = (): Promise<number | null> =>
  drive.shard.prepare("select used_bytes from drives where tenant_id = ?1").bind(drive.tenant).first("used_bytes");

class Crash extends Error {}

/** The sweep over this drive; the step number `crashAt` ends the process, before it is done or just after. */
function sweep(crashAt = Infinity, when: "before" | "after" = "before") {
  let steps = 0;
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    steps += 1;
    if (steps > crashAt || (steps === crashAt && when === "before")) throw new Crash();
    const made = await work();
    if (steps === crashAt) throw new Crash();
    return made;
  };
  const store = new D1RetentionStore(drive.shard, drive.tenant);
  const deps: RetentionDeps = {
    store: {
      policy: () => step(() => store.policy()),
      trashed: (...args) => step(() => store.trashed(...args)),
      outlived: (...args) => step(() => store.outlived(...args)),
    },
    runIn: () => (command) => step(async () => (await drive.run(command)).file),
    now: () => Date.now(),
    // A process that has ended reports nothing.
    report: (_file_id, error) => {
      if (!(error instanceof Crash)) throw error;
    },
  };
  const run = async (): Promise<void> => {
    await purgeTrash(deps, null);
    await endVersions(deps, null);
  };
  return { deps, run, steps: () => steps };
}

describe("V6: which versions are kept", () => {
  it.each([
    ["all when there are no more than the newest", 5, [400, 300, 200, 100, 50], [1, 2, 3, 4, 5]],
    ["the newest, however old", 3, [400, 300, 200, 100, 50], [3, 4, 5]],
    ["all of the last days, however many", 1, [29, 20, 10, 5, 1], [1, 2, 3, 4, 5]],
    ["one that was current within the last days, however old", 1, [400, 300, 29, 1], [2, 3, 4]],
    ["one that was current until just then", 1, [400, 300, 30, 1], [2, 3, 4]],
    ["not one whose time ended before", 1, [400, 300, 30.01, 1], [3, 4]],
    ["the current one, whatever the numbers", 0, [400, 300], [2]],
  ] as const)("%s", async (_name, version_count, days, kept) => {
    await policy({ version_count });
    const file = await history(...days);
    await sweep().run();
    expect(await numbers(file)).toEqual(kept);
    expect(await find(file)).toMatchObject({ version_count: kept.length, version_number: days.length });
  });

  it("quota counts what is current, so it stays", async () => {
    await policy({ version_count: 1 });
    await history(400, 300, 200);
    const before = await used();
    await sweep().run();
    expect(await used()).toBe(before);
  });
});

describe("V7: the trash", () => {
  it("what has been there for the tenant's days is purged with all below it, what has not stays", async () => {
    await policy({ trash_days: 7 });
    const [old, young] = [await trashed("old.txt", 8), await trashed("young.txt", 6)];
    const folder = await drive.folder("old folder");
    const below = await drive.file("below.txt", text("x"), { parent_id: folder.file_id });
    await drive.run({ op: "trash", file_id: folder.file_id });
    await drive.shard.prepare("update files set trashed_at = ?2 where file_id = ?1").bind(folder.file_id, ago(8)).run();
    await sweep().run();
    expect(await Promise.all([old, folder, below].map(find))).toEqual([null, null, null]);
    expect(await find(young)).not.toBeNull();
    expect(await used()).toBe(young.size);
  });

  it("one that is restored, or trashed anew, while the sweep runs is left alone", async () => {
    const [restored, anew] = [await trashed("restored.txt", 40), await trashed("anew.txt", 40)];
    const { deps, run } = sweep();
    const { runIn } = deps;
    deps.runIn = (drive_id) => async (command: Command, op_id) => {
      const { file_id } = command as { file_id: string };
      await drive.run({ op: "untrash", file_id });
      if (file_id === anew.file_id) await drive.run({ op: "trash", file_id });
      return runIn(drive_id)(command, op_id);
    };
    await run();
    expect(await find(restored)).toMatchObject({ trashed_at: null });
    expect(await find(anew)).toMatchObject({ trashed_at: Date.now() });
  });
});

describe("V9: a crash", () => {
  it.for(["before", "after"] as const)("%s each step leaves only what the next sweep finds", SLOW, async (when) => {
    await policy({ version_count: 2 });
    const make = () => Promise.all([history(90, 80, 70, 60), trashed(`t${files++}.txt`, 40)]);
    await make();
    const whole = sweep();
    await whole.run();
    expect(whole.steps()).toBeGreaterThan(5);
    for (let crashAt = 1; crashAt <= whole.steps(); crashAt++) {
      const [kept, gone] = await make();
      await sweep(crashAt, when)
        .run()
        .catch((error: unknown) => expect(error).toBeInstanceOf(Crash));
      expect(await numbers(kept)).toEqual(expect.arrayContaining([3, 4]));
      await sweep().run();
      expect(await numbers(kept)).toEqual([3, 4]);
      expect(await find(kept)).toMatchObject({ version_count: 2 });
      expect(await find(gone)).toBeNull();
    }
  });
});

describe("V8: once a day", () => {
  const swept = (): Promise<number | null> =>
    drive.shard.prepare("select swept_at from tenants where tenant_id = ?1").bind(drive.tenant).first("swept_at");

  it("a tick of the cron does it, through the drive's real hub", async () => {
    await policy({ version_count: 1 });
    const [file, item] = [await history(90, 80, 70), await trashed("old.txt", 40)];
    await new Pipeline().tick();
    expect(await numbers(file)).toEqual([3]);
    expect(await find(item)).toBeNull();
    expect(await swept()).toBe(Date.now());
  });

  it("not again before a day has passed; then a lost job is made up for", async () => {
    const pipeline = new Pipeline();
    await pipeline.tick();
    const item = await trashed("old.txt", 40);
    pass(DAY - 1);
    await pipeline.tick();
    expect(await find(item)).not.toBeNull();
    pass(1);
    await pipeline.tick();
    expect(await find(item)).toBeNull();
  });

  it("a tenant that is being moved is not swept", async () => {
    const item = await trashed("old.txt", 40);
    await drive.shard.prepare("update tenants set state = 'moving' where tenant_id = ?1").bind(drive.tenant).run();
    await new Pipeline().tick();
    expect(await find(item)).not.toBeNull();
    expect(await swept()).toBe(0);
  });
});
