/** A batch of wakes of one consumer's queue: a run over each drive's journal. docs/spec/events.md. */
import { consume } from "../../core/events/consume.ts";
import { coalesce, type ConsumerName, type Wake, wakeSchema } from "../../core/events/wake.ts";
import { D1EventStore } from "../../platform/d1/shard/event-store.ts";
import { Budget, type Context, type HandlerOf } from "./context.ts";

interface Received {
  message: Message;
  wake: Wake;
}

/** Seconds until a run that failed as a whole is tried again: what it needs may be down. */
const RETRY_DELAY = 10;

export async function runConsumer(
  context: Context,
  batch: MessageBatch,
  options: { consumer: ConsumerName; handlerOf: HandlerOf; work: number },
): Promise<void> {
  const received: Received[] = [];
  for (const message of batch.messages) {
    const wake = wakeSchema.safeParse(message.body);
    if (wake.success) received.push({ message, wake: wake.data });
    else message.retry();
  }
  const budget = new Budget(options.work);
  for (const wake of coalesce(received.map((r) => r.wake))) {
    const messages = received.filter((r) => r.wake.drive_id === wake.drive_id).map((r) => r.message);
    // Delivered before and never acknowledged: the run failed, or ended the process.
    const careful = messages.some((message) => message.attempts > 1);
    try {
      await runDrive(context, wake, budget, careful, options);
      for (const message of messages) message.ack();
    } catch (error) {
      report(options.consumer, wake, error);
      for (const message of messages) message.retry({ delaySeconds: RETRY_DELAY });
    }
  }
}

async function runDrive(
  context: Context,
  wake: Wake,
  budget: Budget,
  careful: boolean,
  { consumer, handlerOf }: { consumer: ConsumerName; handlerOf: HandlerOf },
): Promise<void> {
  if (budget.isSpent) {
    await context.queue(consumer).send(wake);
    return;
  }
  const place = await context.shards.find(wake.tenant_id);
  // A tenant that is gone has no journal to read.
  if (place === null) return;
  const store = new D1EventStore(place.db, wake.tenant_id, wake.drive_id, consumer);
  const handler = handlerOf(context, place, wake, budget);
  const { more, dead } = await consume(store, handler, { careful, now: context.now });
  if (more) await context.queue(consumer).send(wake);
  for (const failure of dead) {
    const letter = { ...wake, consumer, ...failure };
    // The row in `event_failures` is what an operator replays; the letter only draws the eye.
    await context
      .deadLetters(consumer)
      .send(letter)
      .catch((error: unknown) => report(consumer, wake, error));
  }
}

const report = (consumer: ConsumerName, { drive_id }: Wake, error: unknown): void =>
  console.error({
    message: "a run failed",
    consumer,
    drive_id,
    error: error instanceof Error ? error.name : "unknown",
  });
