/** I11: old sign-in sessions and unused devices. */
import { beforeEach, expect, it } from "vitest";
import { newId } from "../../core/protocol/ids.ts";
import { expireSignIns } from "../../platform/d1/directory/sign-in-expiry.ts";
import { bindings } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { DAY } from "../../core/time.ts";

const directory = bindings.DIRECTORY!;
const now = Date.now();
const user = newId(1, now);

const device = (device_id: string, last_seen_at: number | null, created_at = last_seen_at ?? now) =>
  directory
    .prepare("insert into devices (user_id, device_id, name, created_at, last_seen_at) values (?1, ?2, 'D', ?3, ?4)")
    .bind(user, device_id, created_at, last_seen_at)
    .run();
const session = (session_id: string, device_id: string, expires_at: number, revoked_at: number | null) =>
  directory
    .prepare("insert into sign_in_sessions values (?1, ?2, ?3, 'hash', ?4, ?5, ?6)")
    .bind(session_id, user, device_id, expires_at - 30 * DAY, expires_at, revoked_at)
    .run();
async function left(table: "devices" | "sign_in_sessions", column: string): Promise<string[]> {
  const { results } = await directory.prepare(`select ${column} as id from ${table} order by 1`).all<{ id: string }>();
  return results.map(({ id }) => id);
}

beforeEach(async () => {
  await directory.batch([directory.prepare("delete from devices"), directory.prepare("delete from sign_in_sessions")]);
});

it("I11: a sign-in session goes 30 days after it was revoked or expired, and not before", async () => {
  await session("running", "a", now + DAY, null);
  await session("expired lately", "a", now - 29 * DAY, null);
  await session("expired", "a", now - 31 * DAY, null);
  await session("revoked lately", "a", now + DAY, now - 29 * DAY);
  await session("revoked", "a", now + DAY, now - 31 * DAY);
  await expireSignIns(directory, now);
  expect(await left("sign_in_sessions", "session_id")).toEqual(["expired lately", "revoked lately", "running"]);
});

it("I11: a device goes when it has no session and was not seen for 180 days", async () => {
  await device("in use", now - 200 * DAY);
  await session("s", "in use", now + DAY, null);
  await device("last session just removed", now - 200 * DAY);
  await session("t", "last session just removed", now - 31 * DAY, null);
  await device("seen", now - 179 * DAY);
  await device("never seen, new", null);
  await device("never seen, old", null, now - 181 * DAY);
  await device("old", now - 181 * DAY);
  await expireSignIns(directory, now);
  expect(await left("devices", "device_id")).toEqual(["in use", "never seen, new", "seen"]);
});

it("I11: more than fit one statement go in several", async () => {
  await directory
    .prepare(
      `insert into sign_in_sessions select 's' || value, ?1, 'a', 'hash', 0, 1, null
       from json_each(?2)`,
    )
    .bind(user, JSON.stringify(Array.from({ length: 2_500 }, (_, i) => i)))
    .run();
  await expireSignIns(directory, now);
  expect(await left("sign_in_sessions", "session_id")).toEqual([]);
});

it("I11: the cron does it once an hour", async () => {
  await session("expired", "a", now - 31 * DAY, null);
  const pipeline = new Pipeline();
  const tick = (minute: number): Promise<void> => pipeline.tick(new Date(Date.UTC(2026, 0, 2, 3, minute)));
  await tick(16);
  await tick(18);
  expect(await left("sign_in_sessions", "session_id")).toEqual(["expired"]);
  await tick(17);
  expect(await left("sign_in_sessions", "session_id")).toEqual([]);
});
