/** Queue `verification`: reads contents back whose SHA-256 is not known yet. docs/spec/storage.md, S5 to S7. */
import { type DriveKey, verificationWakeSchema } from "../../core/events/wake.ts";
import { fromFailure } from "../../core/protocol/errors.ts";
import type { Result } from "../../core/sync/commands.ts";
import { ReadBudget, verifyDrive, type VerifyDeps } from "../../core/verification/verify.ts";
import { D1EqualContents } from "../../platform/d1/shard/equal-contents.ts";
import { D1VerificationStore } from "../../platform/d1/shard/verification-store.ts";
import type { Context } from "./context.ts";

/** Seconds until a run that failed as a whole is tried again: what it needs may be down. */
const RETRY_DELAY = 10;

export async function verification(context: Context, batch: MessageBatch): Promise<void> {
  const budget = new ReadBudget();
  const done = new Set<string>();
  for (const message of batch.messages) {
    const wake = verificationWakeSchema.safeParse(message.body);
    try {
      if (!wake.success) throw new Error("no such wake");
      // Several wakes of a drive are one.
      if (!done.has(wake.data.drive_id)) await runDrive(context, wake.data, budget);
      done.add(wake.data.drive_id);
      message.ack();
    } catch (error) {
      console.error({
        message: "a run of verifications failed",
        drive_id: wake.data?.drive_id,
        error: error instanceof Error ? error.name : "unknown",
      });
      message.retry({ delaySeconds: RETRY_DELAY });
    }
  }
}

async function runDrive(context: Context, { tenant_id, drive_id }: DriveKey, budget: ReadBudget): Promise<void> {
  const place = await context.shards.find(tenant_id);
  // A tenant that is gone has nothing to verify.
  if (place === null) return;
  const deps: VerifyDeps = {
    engine: context.engine,
    tenant_id,
    store: new D1VerificationStore(place.db, tenant_id, drive_id),
    equals: new D1EqualContents(place.db, tenant_id),
    async settle(content_id, content_hash, integrity) {
      const command = { op: "verify_content", content_id, content_hash, integrity } as const;
      // Nobody's device: the drive's own id stands for the server.
      const actor = { user_id: drive_id, device_id: null };
      const submission = { command, actor, op_id: `verify:${content_id}` };
      const result = (await context.hub(drive_id).submit(drive_id, submission)) as Result;
      if (!result.ok) throw fromFailure(result.failure);
    },
    now: context.now,
    giveWay: () => scheduler.wait(0),
    async report(content_id, error, isDead) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      console.error({ message: "a content could not be verified", drive_id, content_id, code, error: String(error) });
      // The row is what an operator replays; the letter only draws the eye.
      if (isDead)
        await context.env.VERIFICATION_DEAD.send({ tenant_id, drive_id, content_id, code }).catch(() =>
          console.error({ message: "a dead letter was not queued", drive_id, content_id }),
        );
    },
  };
  if (await verifyDrive(deps, budget)) await context.env.VERIFICATION.send({ tenant_id, drive_id } satisfies DriveKey);
}
