/** Jobs of scrubbing and reconciliation: one slice each. docs/spec/durability.md, SC1 to RC4. */
import type { CleanupJob } from "../../core/events/wake.ts";
import { reconcile } from "../../core/scrub/reconcile.ts";
import { scrub } from "../../core/scrub/scrub.ts";
import { traceDamage } from "../../core/scrub/trace.ts";
import { boundedObjects } from "../../core/storage/deadline.ts";
import { D1Findings } from "../../platform/d1/shard/findings.ts";
import { D1GarbageStore } from "../../platform/d1/shard/garbage-store.ts";
import { D1ScrubStore } from "../../platform/d1/shard/scrub-store.ts";
import { R2ObjectStore } from "../../platform/r2/object-store.ts";
import type { Context } from "./context.ts";

type Job<Name extends CleanupJob["job"]> = Extract<CleanupJob, { job: Name }>;

/** 20,000 contents, as of a round. */
const PAGES = 40;
/** Seconds after the first try of a pack that could not be read; twice as long after each other one. */
const RETRY_DELAY = 60;

export async function runScrub(context: Context, db: D1Database, job: Job<"scrub">): Promise<void> {
  const { shard, tenant_id } = job;
  const { BLOBS, BLOBS_REPLICA, CLEANUP } = context.env;
  let damaged = 0;
  const place = await scrub(
    {
      tenant_id,
      store: new D1ScrubStore(db, tenant_id),
      findings: new D1Findings(db, tenant_id),
      engine: context.engine,
      primary: boundedObjects(new R2ObjectStore(BLOBS)),
      copy: BLOBS_REPLICA === undefined ? null : boundedObjects(new R2ObjectStore(BLOBS_REPLICA)),
      now: context.now,
      report(pack_id, outcome, error) {
        if (outcome === "damaged") damaged += 1;
        const line = { message: `a pack was ${outcome}`, tenant_id, pack_id, error: String(error) };
        console.error(outcome === "damaged" ? { ...line, alert: "damage" } : line);
      },
    },
    job.place ?? null,
  );
  if (damaged > 0) await CLEANUP.send({ job: "trace_damage", shard, tenant_id } satisfies CleanupJob);
  if (place === null) return;
  const delaySeconds = place.tries === 0 ? 0 : RETRY_DELAY * 2 ** (place.tries - 1);
  await CLEANUP.send({ job: "scrub", shard, tenant_id, place } satisfies CleanupJob, { delaySeconds });
}

export async function runTraceDamage(context: Context, db: D1Database, job: Job<"trace_damage">): Promise<void> {
  const { tenant_id } = job;
  const contents = new D1GarbageStore(db, tenant_id);
  const findings = new D1Findings(db, tenant_id);
  const deps = { tenant_id, engine: context.engine, contents, findings, pages: PAGES };
  const after = await traceDamage(deps, job.after ?? "");
  if (after !== null) await context.env.CLEANUP.send({ ...job, after } satisfies CleanupJob);
}

export async function runReconcile(context: Context, db: D1Database, job: Job<"reconcile">): Promise<void> {
  const { tenant_id } = job;
  const place = await reconcile(
    {
      tenant_id,
      store: new D1ScrubStore(db, tenant_id),
      findings: new D1Findings(db, tenant_id),
      listing: new R2ObjectStore(context.env.BLOBS),
      objects: context.engine.objects,
      now: context.now,
      report: (found) =>
        console.error({ message: "rows and objects differ", alert: "reconciliation", tenant_id, found }),
    },
    job.place ?? null,
  );
  if (place !== null) await context.env.CLEANUP.send({ ...job, place } satisfies CleanupJob);
}
