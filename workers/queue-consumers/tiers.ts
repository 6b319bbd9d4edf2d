/** Jobs of tiers: a slice of a tenant's daily walk, a content that comes back. docs/spec/tiers.md, TI8 and TI18. */
import type { CleanupJob } from "../../core/events/wake.ts";
import { fromFailure } from "../../core/protocol/errors.ts";
import type { Result } from "../../core/sync/commands.ts";
import { unarchive } from "../../core/tiers/unarchive.ts";
import { walkPacks } from "../../core/tiers/walk.ts";
import { D1TierStore } from "../../platform/d1/shard/tier-store.ts";
import { D1UnarchivingStore } from "../../platform/d1/shard/unarchiving-store.ts";
import type { Context } from "./context.ts";

type Job<Name extends CleanupJob["job"]> = Extract<CleanupJob, { job: Name }>;

/** 40,000 packs. */
const PAGES = 40;

export async function runWalkPacks(context: Context, db: D1Database, job: Job<"walk_packs">): Promise<void> {
  const { tenant_id } = job;
  const place = await walkPacks(
    {
      tenant_id,
      store: new D1TierStore(db, tenant_id),
      objects: context.tierObjects,
      archive: await context.archives.of(tenant_id),
      pages: PAGES,
      now: context.now,
      report: (pack_id, error) =>
        console.error({ message: "a pack could not be moved", tenant_id, pack_id, error: String(error) }),
    },
    job.place ?? null,
  );
  if (place !== null) await context.env.CLEANUP.send({ ...job, place } satisfies CleanupJob);
}

export async function runUnarchive(context: Context, db: D1Database, job: Job<"unarchive">): Promise<void> {
  const { tenant_id, content_id } = job;
  const hasMore = await unarchive(
    {
      tenant_id,
      store: new D1UnarchivingStore(db, tenant_id),
      objects: context.tierObjects,
      archive: await context.archives.of(tenant_id),
      engine: context.engine,
      async announce({ drive_id, file_id, requested_at }) {
        // Nobody's device: the drive's own id stands for the server.
        const actor = { user_id: drive_id, device_id: null };
        const op_id = `unarchived:${content_id}:${requested_at}`;
        const submission = { command: { op: "announce_unarchived", file_id } as const, actor, op_id };
        const result = (await context.hub(drive_id).submit(drive_id, submission)) as Result;
        if (!result.ok) throw fromFailure(result.failure);
      },
      now: context.now,
      report: (content_id, error, isDead) =>
        console.error({ message: "a content did not come back", tenant_id, content_id, isDead, error: String(error) }),
    },
    content_id,
  );
  if (hasMore) await context.env.CLEANUP.send(job);
}
