/** What a device is told whose cursor is in front of what is kept. docs/spec/sync.md, J9 and J10. */
import { beforeEach, expect, it } from "vitest";
import type { Device } from "../../core/protocol/auth.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import type { Changes } from "../../core/protocol/sync.ts";
import { DAY } from "../../core/time.ts";
import { expectProblem, newUser, shardOf, type User } from "../support/workerd/api.ts";

let user: User;
beforeEach(async () => {
  user = await newUser();
});

const changes = (cursor = ""): Promise<Changes> =>
  user.ok<Changes>("GET", `sync/changes?${new URLSearchParams({ cursor })}`);

/** As the job leaves it. */
async function cutAway(upto: number): Promise<void> {
  const db = await shardOf(user.id);
  await db
    .prepare("update drives set first_seq = ?3 where tenant_id = ?1 and drive_id = ?2")
    .bind(tenantOf(user.id), user.id, upto + 1)
    .run();
}

it("J9: a cursor in front of what is kept is expired; the last one that is not, and none, read on", async () => {
  const cursors: string[] = [];
  for (const name of ["a", "b", "c"]) {
    await user.folder(name);
    cursors.push((await changes()).next_cursor);
  }
  await cutAway(2);
  expectProblem(await user.ask("GET", `sync/changes?cursor=${cursors[0]}`), 410, "cursor_expired");
  expect((await changes(cursors[1])).changes.map(({ file }) => file?.name)).toEqual(["c"]);
  expect((await changes(cursors[2])).changes).toEqual([]);
  expect((await changes()).changes).toHaveLength(3);
});

it("J9: so is a time of the polling form that lies in what was cut away", async () => {
  await user.folder("a");
  await user.folder("b");
  const db = await shardOf(user.id);
  const old = Date.now() - 50 * DAY;
  const ofUser = "where tenant_id = ?1 and drive_id = ?2";
  await db.batch([
    db.prepare(`update drives set created_at = ?3, first_seq = 2 ${ofUser}`).bind(tenantOf(user.id), user.id, old),
    db.prepare(`update journal set at = ?3 ${ofUser} and seq = 1`).bind(tenantOf(user.id), user.id, old + DAY),
  ]);
  const poll = (at: number) => user.ask<Changes>("GET", `files/sync?last_sync=${Math.floor(at / 1000)}`);
  expectProblem((await poll(old + DAY / 2)) as never, 410, "cursor_expired");
  expect((await poll(Date.now() - 10 * DAY)).json.changes.map(({ file }) => file?.name)).toEqual(["b"]);
  expect((await poll(0)).json.changes).toHaveLength(2);
});

it("J10: a device's row says what it has reached, and whether that is still kept", async () => {
  const own = async (): Promise<Device> =>
    (await user.ok<{ items: Device[] }>("GET", "devices")).items.find(
      ({ device_id }) => device_id === user.signedIn.device_id,
    ) as Device;
  expect(await own()).toMatchObject({ acknowledged_seq: null, sync_status: "never" });
  await user.folder("a");
  const { next_cursor } = await changes("now");
  await user.folder("b");
  await changes(next_cursor);
  expect(await own()).toMatchObject({ acknowledged_seq: 1, sync_status: "synced" });
  for (const name of ["c", "d"]) await user.folder(name);
  await cutAway(1);
  expect((await own()).sync_status).toBe("synced");
  await cutAway(3);
  expect((await own()).sync_status).toBe("expired");
});
