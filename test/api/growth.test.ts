import { expect, it } from "vitest";
import { bindings, DriveFixture, noise } from "../support/workerd/drive-fixture.ts";
import { driveWork, type Work } from "../support/workerd/drive-work.ts";
import { type Rows, WatchedD1 } from "../support/workerd/watched-d1.ts";

const SMALL = 100;
const LARGE = 5_000;
/** Files with bytes, versions and contents among them; the rest are folders. */
const WITH_BYTES = 200;
/** Behind the last row of a range its neighbour is read too, when there is one. */
const SLACK = 4;

async function grow(drive: DriveFixture, from: number, to: number): Promise<void> {
  const { file_id } = await drive.folder(`from ${from}`);
  const all = Array.from({ length: to - from }, (_, i) => i);
  await Promise.all(
    all.map((i) =>
      i < WITH_BYTES
        ? drive.file(`file ${i}`, noise(16), { parent_id: file_id })
        : drive.folder(`folder ${i}`, file_id),
    ),
  );
}

async function costs(watched: WatchedD1, { reads, changes }: Work): Promise<Record<string, Rows>> {
  const found: Record<string, Rows> = {};
  for (const [name, work] of [...Object.entries(reads), ...Object.entries(changes)])
    found[name] = await watched.count(work);
  return found;
}

it(
  "rows read and written by a page, a change, an upload do not grow with the drive",
  { timeout: 120_000 },
  async () => {
    const watched = new WatchedD1(bindings.SHARD_00!);
    const drive = await DriveFixture.create("SHARD_00", () => watched.db);
    await grow(drive, 0, SMALL);
    const small = await costs(watched, await driveWork(drive, watched.db, "before"));
    await grow(drive, SMALL, LARGE);
    const large = await costs(watched, await driveWork(drive, watched.db, "after"));
    for (const [name, rows] of Object.entries(small)) {
      expect(large[name]!.written, name).toBe(rows.written);
      expect(large[name]!.read, name).toBeLessThanOrEqual(rows.read + SLACK);
    }
  },
);
