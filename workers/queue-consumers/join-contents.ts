/** Job of the daily sweep: equal contents of a tenant are stored once. docs/spec/storage.md, S8 and S9. */
import type { CleanupJob } from "../../core/events/wake.ts";
import { newId } from "../../core/protocol/ids.ts";
import { type JoinDeps, joinEqual } from "../../core/verification/join.ts";
import type { VerifiedContent } from "../../core/verification/ports.ts";
import { D1EqualContents } from "../../platform/d1/shard/equal-contents.ts";
import type { Context } from "./context.ts";

/** Pages of contents in one job; the rest is the next job's. */
const PAGES = 20;
/** Contents compared and packs looked at in one job, each some calls; ten jobs share the 10,000 of an invocation. */
const COMPARED = 300;
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
  const deps = { engine: context.engine, tenant_id, equals };
  let left = COMPARED;
  let after = await equals.mark();
  for (let page = 0; page < PAGES && left > 0 && after !== null; page++) {
    const { twins, last } = await equals.twins(after, before);
    let done = last;
    for (const content of twins) {
      left -= 1 + (await join(deps, content));
      if (left > 0) continue;
      done = content.content_id;
      break;
    }
    if (done !== null) await equals.moveMark(done);
    after = done;
  }
  if (after !== null) await context.env.CLEANUP.send(job);
}

/** It saves space and nothing else: what cannot be joined stays as it is. @returns packs that were looked at */
async function join(deps: JoinDeps, content: VerifiedContent): Promise<number> {
  try {
    return (await joinEqual(deps, content)).packs;
  } catch (error) {
    console.error({ message: "contents were not joined", content_id: content.content_id, error: String(error) });
    return 0;
  }
}
