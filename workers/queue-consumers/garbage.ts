/** Jobs of garbage collection: one slice each. docs/spec/durability.md, G10. */
import type { CleanupJob } from "../../core/events/wake.ts";
import { collectGarbage } from "../../core/garbage/round.ts";
import { D1GarbageStore } from "../../platform/d1/shard/garbage-store.ts";
import type { Context } from "./context.ts";

type Job = Extract<CleanupJob, { job: "collect_garbage" }>;

/** 20,000 contents or 40,000 packs: one or two seconds of CPU, and few enough calls. */
const PAGES = 40;

export async function runCollectGarbage(context: Context, db: D1Database, job: Job): Promise<void> {
  const { tenant_id } = job;
  if (!(await liesHere(context.env.DIRECTORY, job))) return;
  const slice = await collectGarbage(
    {
      tenant_id,
      store: new D1GarbageStore(db, tenant_id),
      engine: context.engine,
      forget: (content_ids) => context.derived.forget(tenant_id, content_ids),
      pages: PAGES,
      now: context.now,
      // What is dead in packs that live is known by what the round dropped.
      async done() {
        await context.env.CLEANUP.send({ job: "compact", shard: job.shard, tenant_id } satisfies CleanupJob);
      },
      report: (content_id, error) =>
        console.error({ message: "a manifest does not open", tenant_id, content_id, error: String(error) }),
    },
    job.slice ?? null,
  );
  if (slice !== null) await context.env.CLEANUP.send({ ...job, slice } satisfies CleanupJob);
}

/** Deleted ones too: of those nothing may be left, where they were. */
async function liesHere(directory: D1Database, { tenant_id, shard }: Job): Promise<boolean> {
  const named = await directory
    .prepare("select shard from tenants where tenant_id = ?1")
    .bind(tenant_id)
    .first<string>("shard");
  return named === null || named === shard;
}
