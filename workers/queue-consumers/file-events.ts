/** Queue `file-events`: the hubs' wakes, fanned out to the consumers' queues. */
import { coalesce, CONSUMERS, type Wake, wakeSchema } from "../../core/events/wake.ts";
import type { Context } from "./context.ts";
import { sendAll } from "./send.ts";

export async function fileEvents(context: Context, batch: MessageBatch): Promise<void> {
  const wakes: Wake[] = [];
  for (const message of batch.messages) {
    const wake = wakeSchema.safeParse(message.body);
    if (wake.success) wakes.push(wake.data);
    // Never right, however often it comes: its retries run out into the dead-letter queue, where it can be looked at.
    else message.retry();
  }
  const bodies = coalesce(wakes);
  // A throw redelivers the batch; to wake twice is harmless.
  const unverified = bodies.filter((wake) => wake.unverified === true);
  await Promise.all([
    ...CONSUMERS.map((consumer) => sendAll(context.queue(consumer), bodies)),
    sendAll(context.env.VERIFICATION, unverified),
  ]);
}
