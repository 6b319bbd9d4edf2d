/** How long a sign-in session that has ended is kept: for whoever asks what happened. Milliseconds, as below. */
import { DAY } from "../../../core/time.ts";

const ENDED_KEPT = 30 * DAY;
/** A device that comes back within this time is the same device. */
const UNUSED_KEPT = 180 * DAY;
/** Rows of one statement, and statements of one run; the rest is the next run's. */
const PAGE = 1000;
const PAGES = 20;

const SESSIONS = `delete from sign_in_sessions where session_id in (
  select session_id from sign_in_sessions where expires_at < ?1 or revoked_at < ?1 limit ${PAGE})`;

const DEVICES = `delete from devices where (user_id, device_id) in (
  select user_id, device_id from devices d
  where coalesce(last_seen_at, created_at) < ?1 and not exists (
    select 1 from sign_in_sessions s where s.user_id = d.user_id and s.device_id = d.device_id)
  limit ${PAGE})`;

/** Forgets sign-in sessions that ended long ago, and the devices that have none. Each step can be repeated. */
export async function expireSignIns(directory: D1Database, now: number): Promise<void> {
  for (const [sql, before] of [
    [SESSIONS, now - ENDED_KEPT],
    [DEVICES, now - UNUSED_KEPT],
  ] as const)
    for (let page = 0; page < PAGES; page++) {
      const { results } = await directory.prepare(`${sql} returning 1`).bind(before).all();
      if (results.length < PAGE) break;
    }
}
