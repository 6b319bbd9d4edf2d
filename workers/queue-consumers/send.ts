/** A batch of a queue: 100 messages at most (Cloudflare's limit). */
const BATCH = 100;

export async function sendAll(queue: Queue, bodies: readonly unknown[]): Promise<void> {
  for (let at = 0; at < bodies.length; at += BATCH)
    await queue.sendBatch(bodies.slice(at, at + BATCH).map((body) => ({ body })));
}
