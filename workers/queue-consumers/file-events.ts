/** Queue `file-events`: the hubs' wakes, fanned out to the consumers' queues. */
import { coalesce, type ConsumerName, CONSUMERS, type Wake, wakeSchema } from "../../core/events/wake.ts";
import { packKey } from "../../core/packs/format.ts";
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
  /** Of a wake that several wait for each gets only what it needs to know. */
  const told = (waits: (wake: Wake) => boolean): Wake[] =>
    coalesce(wakes.filter(waits)).map(({ tenant_id, drive_id, seq }) => ({ tenant_id, drive_id, seq }));
  const isDue = ({ due }: Wake, consumer: ConsumerName): boolean => due === undefined || due.includes(consumer);
  // A throw redelivers the batch; to wake twice is harmless.
  await Promise.all([
    ...CONSUMERS.map((consumer) =>
      sendAll(
        context.queue(consumer),
        told((wake) => isDue(wake, consumer)),
      ),
    ),
    sendAll(
      context.env.VERIFICATION,
      told((wake) => wake.unverified === true),
    ),
    context.copyLater(
      wakes.flatMap(({ tenant_id, packs = [] }) => packs.map((pack_id) => packKey(tenant_id, pack_id))),
    ),
  ]);
}
