/** The daily sweep of each tenant: which are due, and the slices of retention. docs/spec/versions.md, V8 and V9; durability.md, G11. */
import { fromFailure } from "../../core/protocol/errors.ts";
import type { CleanupJob } from "../../core/events/wake.ts";
import type { Result } from "../../core/sync/commands.ts";
import { endVersions, purgeTrash, type RetentionDeps } from "../../core/versions/retention.ts";
import { D1RetentionStore, dueTenants, markSwept } from "../../platform/d1/shard/retention-store.ts";
import type { Context } from "./context.ts";
import { sendAll } from "./send.ts";
import { DAY } from "../../core/time.ts";

type Job<Name extends CleanupJob["job"]> = Extract<CleanupJob, { job: Name }>;

/** Marked when the jobs are queued: a crash before that queues them twice, which does no harm. */
export async function sweepTenants(context: Context, db: D1Database, { shard }: Job<"sweep_tenants">): Promise<void> {
  const now = context.now();
  const tenants = await dueTenants(db, now - DAY);
  const jobs = tenants.flatMap((tenant_id): CleanupJob[] => [
    { job: "purge_trash", shard, tenant_id },
    { job: "end_versions", shard, tenant_id },
    { job: "join_contents", shard, tenant_id },
    { job: "cut_journals", shard, tenant_id },
    { job: "walk_packs", shard, tenant_id },
    { job: "collect_garbage", shard, tenant_id },
    { job: "backup_tenant", shard, tenant_id },
    { job: "scrub", shard, tenant_id },
    { job: "reconcile", shard, tenant_id },
  ]);
  await sendAll(context.env.CLEANUP, jobs);
  if (tenants.length > 0) await markSwept(db, tenants, now);
}

export async function runPurgeTrash(context: Context, db: D1Database, job: Job<"purge_trash">): Promise<void> {
  const after = await purgeTrash(depsOf(context, db, job.tenant_id), job.after ?? null);
  if (after !== null) await context.env.CLEANUP.send({ ...job, after } satisfies CleanupJob);
}

export async function runEndVersions(context: Context, db: D1Database, job: Job<"end_versions">): Promise<void> {
  const after = await endVersions(depsOf(context, db, job.tenant_id), job.after ?? null);
  if (after !== null) await context.env.CLEANUP.send({ ...job, after } satisfies CleanupJob);
}

const depsOf = (context: Context, db: D1Database, tenant_id: number): RetentionDeps => ({
  store: new D1RetentionStore(db, tenant_id),
  runIn: (drive_id) => async (command, op_id) => {
    // Nobody's device: the drive's own id stands for the one who set the rule.
    const actor = { user_id: drive_id, device_id: null };
    const result = (await context.hub(drive_id).submit(drive_id, { command, actor, op_id })) as Result;
    if (!result.ok) throw fromFailure(result.failure);
    return result.outcome.file;
  },
  now: context.now,
  report: (file_id, error) =>
    console.error({ message: "retention could not end something", file_id, error: String(error) }),
});
