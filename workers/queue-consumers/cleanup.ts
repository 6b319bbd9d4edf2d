/**
 * Queue `cleanup`: the sweeps, as jobs. docs/spec/events.md, E8, E10 to E14; identity.md, I11 and I15; versions.md, V8;
 * storage.md, K8 and S8; sync.md, J9; durability.md, G10, G11, C9, SC1, RC1 and BK5 to BK7; tiers.md, TI8 and TI18.
 */
import { type CleanupJob, cleanupJobSchema, type DriveKey } from "../../core/events/wake.ts";
import type { Result } from "../../core/sync/commands.ts";
import { expireUploads, type UploadKey } from "../../core/uploads/expire.ts";
import { expireSignIns } from "../../platform/d1/directory/sign-in-expiry.ts";
import { D1ExpiryStore, nextSegment } from "../../platform/d1/shard/expiry-store.ts";
import { findDue, findLagging, type Lagging } from "../../platform/d1/shard/lagging-drives.ts";
import { findUnarchivings } from "../../platform/d1/shard/unarchiving-store.ts";
import { findUnverified } from "../../platform/d1/shard/verification-store.ts";
import { runCompact } from "./compact.ts";
import { backUpDirectory, backUpDrive, backUpTenant, backUpUnsaved } from "./backup.ts";
import type { Context } from "./context.ts";
import { runCutJournals } from "./cut-journals.ts";
import { runEraseTenants } from "./erase-tenants.ts";
import { runCollectGarbage } from "./garbage.ts";
import { runJoinContents } from "./join-contents.ts";
import { runRotateKeys } from "./rotate-keys.ts";
import { runEndVersions, runPurgeTrash, sweepTenants } from "./retention.ts";
import { runReconcile, runScrub, runTraceDamage } from "./scrub.ts";
import { sendAll } from "./send.ts";
import { runUnarchive, runWalkPacks } from "./tiers.ts";

/** An entry younger than this has its wake under way. */
const SETTLE_TIME = 5_000;
/** Pages of drives in one job; the rest is the next job's. */
const PAGES = 20;
/** Upload sessions looked at with one statement; all of them may have to be ended, at up to three calls each. */
const SEGMENT = 100;
/** Segments of one job, and sessions after which it ends: bounds its statements and its calls of hubs and R2. */
const SEGMENTS = 40;
const ENDED_MAX = 100;

export async function cleanup(context: Context, batch: MessageBatch): Promise<void> {
  for (const message of batch.messages) {
    const job = cleanupJobSchema.safeParse(message.body);
    try {
      if (!job.success) throw new Error("no such job");
      await runJob(context, job.data);
      message.ack();
    } catch (error) {
      console.error({
        message: "a sweep failed",
        job: job.data?.job,
        error: error instanceof Error ? error.name : "unknown",
      });
      message.retry();
    }
  }
}

async function runJob(context: Context, job: CleanupJob): Promise<void> {
  if (job.job === "expire_sign_ins") return expireSignIns(context.env.DIRECTORY, context.now());
  if (job.job === "erase_tenants") return runEraseTenants(context);
  if (job.job === "backup_directory") return backUpDirectory(context, job);
  const db = context.shards.shards.get(job.shard);
  if (db === undefined) throw new Error("no such shard");
  switch (job.job) {
    case "republish":
      return republish(context, db, job);
    case "expire_uploads":
      return expire(context, db, job.shard, job.after ?? null);
    case "sweep_tenants":
      return sweepTenants(context, db, job);
    case "purge_trash":
      return runPurgeTrash(context, db, job);
    case "end_versions":
      return runEndVersions(context, db, job);
    case "collect_garbage":
      return runCollectGarbage(context, db, job);
    case "compact":
      return runCompact(context, db, job);
    case "scrub":
      return runScrub(context, db, job);
    case "trace_damage":
      return runTraceDamage(context, db, job);
    case "reconcile":
      return runReconcile(context, db, job);
    case "join_contents":
      return runJoinContents(context, db, job);
    case "cut_journals":
      return runCutJournals(context, db, job);
    case "rotate_keys":
      return runRotateKeys(context, db, job);
    case "backup_drive":
      return backUpDrive(context, db, job);
    case "backup_tenant":
      return backUpTenant(context, db, job);
    case "walk_packs":
      return runWalkPacks(context, db, job);
    case "unarchive":
      return runUnarchive(context, db, job);
  }
}

/** Ends upload sessions, segment by segment of their table. */
async function expire(context: Context, db: D1Database, shard: string, start: UploadKey | null): Promise<void> {
  let after = start;
  let ended = 0;
  for (let segments = 0; segments < SEGMENTS && ended < ENDED_MAX; segments++) {
    const segment = await nextSegment(db, after, SEGMENT);
    const store = new D1ExpiryStore(db, segment);
    await expireUploads({
      store,
      objects: context.engine.objects,
      // RPC's own types lose the union.
      submit: async (drive_id, submission) => (await context.hub(drive_id).submit(drive_id, submission)) as Result,
      now: context.now,
      report: ({ upload_id }, error) =>
        console.error({ message: "an upload session could not be ended", upload_id, error: String(error) }),
    });
    if (segment.upto === null) return;
    after = segment.upto;
    ended += store.found;
  }
  if (after !== null) await context.env.CLEANUP.send({ job: "expire_uploads", shard, after } satisfies CleanupJob);
}

/** Wakes each consumer that is behind in a drive, or has failures that are due; backs up what has changed. */
async function republish(
  context: Context,
  db: D1Database,
  job: Extract<CleanupJob, { job: "republish" }>,
): Promise<void> {
  if (job.after === undefined) {
    await wake(context, await findDue(db, context.now()));
    await sendAll(context.env.VERIFICATION, await findUnverified(db, context.now() - SETTLE_TIME));
    const due = await findUnarchivings(db, context.now());
    await sendAll(
      context.env.CLEANUP,
      due.map((content): CleanupJob => ({ job: "unarchive", shard: job.shard, ...content })),
    );
  }
  let after: DriveKey | null = job.after ?? null;
  for (let page = 0; page < PAGES; page++) {
    const { lagging, unsaved, next } = await findLagging(db, after, context.now() - SETTLE_TIME, job.backup);
    await wake(context, lagging);
    await backUpUnsaved(context, job.shard, unsaved);
    if (next === null) return;
    after = next;
  }
  if (after !== null) await context.env.CLEANUP.send({ ...job, after } satisfies CleanupJob);
}

async function wake(context: Context, lagging: Lagging[]): Promise<void> {
  for (const [consumer, drives] of Map.groupBy(lagging, (drive) => drive.consumer)) {
    const wakes = drives.map(({ tenant_id, drive_id, seq }) => ({ tenant_id, drive_id, seq }));
    await sendAll(context.queue(consumer), wakes);
  }
}
