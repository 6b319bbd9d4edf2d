/** The slice of the daily sweep that cuts away what is old of a tenant's journals. docs/spec/sync.md, J9. */
import type { CleanupJob } from "../../core/events/wake.ts";
import { JOURNAL_KEPT } from "../../core/sync/kept.ts";
import { JournalCut } from "../../platform/d1/shard/journal-cut.ts";
import type { Context } from "./context.ts";

/** Pieces of one job; the rest is the next job's. */
const PIECES = 20;

type Job = Extract<CleanupJob, { job: "cut_journals" }>;

export async function runCutJournals(context: Context, db: D1Database, job: Job): Promise<void> {
  const journals = new JournalCut(db, job.tenant_id);
  const before = context.now() - JOURNAL_KEPT;
  let { after } = job;
  for (let pieces = 0; pieces < PIECES; pieces++) {
    const drive_id = await journals.drive(after ?? "");
    if (drive_id === null) return;
    if (!(await journals.cut(drive_id, before))) after = drive_id;
  }
  await context.env.CLEANUP.send({ ...job, after } satisfies CleanupJob);
}
