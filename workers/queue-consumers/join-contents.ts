/** Job of the daily sweep: equal contents of a tenant are stored once. docs/spec/storage.md, S8 and S9. */
import type { CleanupJob } from "../../core/events/wake.ts";
import { newId } from "../../core/protocol/ids.ts";
import { joinEqual } from "../../core/verification/join.ts";
import { D1EqualContents } from "../../platform/d1/shard/equal-contents.ts";
import type { Context } from "./context.ts";

/** Pages of contents in one job; the rest is the next job's. */
const PAGES = 20;
/** A content's id is made before its commit: whatever is older than this is there, or never will be. Milliseconds. */
const SETTLE_TIME = 3_600_000;

export async function runJoinContents(
  context: Context,
  db: D1Database,
  job: Extract<CleanupJob, { job: "join_contents" }>,
): Promise<void> {
  const { tenant_id } = job;
  const equals = new D1EqualContents(db, tenant_id);
  const before = newId(tenant_id, context.now() - SETTLE_TIME);
  let after = await equals.mark();
  for (let page = 0; page < PAGES && after !== null; page++) {
    const { twins, last } = await equals.twins(after, before);
    for (const content of twins)
      // It saves space and nothing else: what cannot be joined stays as it is.
      await joinEqual({ engine: context.engine, tenant_id, equals }, content).catch((error: unknown) =>
        console.error({ message: "contents were not joined", content_id: content.content_id, error: String(error) }),
      );
    if (last !== null) await equals.moveMark(last);
    after = last;
  }
  if (after !== null) await context.env.CLEANUP.send(job);
}
