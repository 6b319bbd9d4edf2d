/** Rotation of a shard's keys, as jobs. docs/spec/storage.md, K8. */
import type { CleanupJob } from "../../core/events/wake.ts";
import type { TenantKeyPlace } from "../../core/keys/ports.ts";
import { KEY_AGE, rotateKeys } from "../../core/keys/rotate.ts";
import { D1RotationStore } from "../../platform/d1/shard/rotation-store.ts";
import type { Context } from "./context.ts";

type Job = Extract<CleanupJob, { job: "rotate_keys" }>;

/** Rows of one job: pages of 500, or as many as are changed by about three calls each. */
const PAGES = 20;
const CHANGED_MAX = 1_000;

export async function runRotateKeys(context: Context, db: D1Database, job: Job): Promise<void> {
  const deps = {
    ...context.keys,
    keys: new D1RotationStore(db),
    report: (place: TenantKeyPlace, error: unknown) =>
      console.error({ message: "a key could not be rotated", ...place, error: String(error) }),
  };
  let after = job.after ?? null;
  for (let pages = 0, changed = 0; pages < PAGES && changed < CHANGED_MAX; pages++) {
    const { added, rewrapped, next } = await rotateKeys(deps, context.now() - KEY_AGE, after);
    if (next === null) return;
    after = next;
    changed += added + rewrapped;
  }
  if (after !== null) await context.env.CLEANUP.send({ ...job, after } satisfies CleanupJob);
}
