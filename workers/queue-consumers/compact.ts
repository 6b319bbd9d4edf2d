/** Jobs of compaction: one slice each. docs/spec/durability.md, C9. */
import { compact, MOVED_MAX } from "../../core/compaction/compact.ts";
import type { CleanupJob } from "../../core/events/wake.ts";
import { D1CompactionStore } from "../../platform/d1/shard/compaction-store.ts";
import { D1GarbageStore } from "../../platform/d1/shard/garbage-store.ts";
import type { Context } from "./context.ts";

/** 20,000 contents, as of a round. */
const PAGES = 40;

export async function runCompact(
  context: Context,
  db: D1Database,
  job: Extract<CleanupJob, { job: "compact" }>,
): Promise<void> {
  const { tenant_id } = job;
  const slice = await compact(
    {
      tenant_id,
      store: new D1CompactionStore(db, tenant_id),
      contents: new D1GarbageStore(db, tenant_id),
      engine: context.engine,
      pages: PAGES,
      blocks: MOVED_MAX,
      now: context.now,
      copyLater: (keys) => context.copyLater(keys),
      report: (what, error) =>
        console.error({ message: "compaction left something alone", tenant_id, ...what, error: String(error) }),
    },
    job.slice ?? null,
  );
  if (slice !== null) await context.env.CLEANUP.send({ ...job, slice } satisfies CleanupJob);
}
