/**
 * The queues between hub and consumers, in memory and in the test's hands: messages can be lost, repeated, late. The
 * consumers are the real ones over real D1, R2 and objects.
 */
import { createExecutionContext, createMessageBatch, createScheduledController, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import consumers from "../../../workers/queue-consumers/index.ts";
import type { Env } from "../../../workers/queue-consumers/env.ts";

interface Sent {
  body: unknown;
  attempts: number;
}

const QUEUES = {
  FILE_EVENTS: "edgedrive-file-events",
  PREVIEWS: "edgedrive-previews",
  SEARCH: "edgedrive-search-index",
  NOTIFICATIONS: "edgedrive-notifications",
  VERIFICATION: "edgedrive-verification",
  CLEANUP: "edgedrive-cleanup",
  REPLICA: "edgedrive-replica",
  PREVIEWS_DEAD: "edgedrive-previews-dead",
  SEARCH_DEAD: "edgedrive-search-index-dead",
  NOTIFICATIONS_DEAD: "edgedrive-notifications-dead",
  VERIFICATION_DEAD: "edgedrive-verification-dead",
} as const;
export type QueueBinding = keyof typeof QUEUES;

/** As in wrangler.toml, near enough: then a message is dead. */
const ATTEMPTS = 4;

export class Pipeline {
  readonly env: Env;
  /** What is sent to these is lost. */
  readonly losing = new Set<QueueBinding>();
  readonly #waiting = new Map<QueueBinding, Sent[]>();

  /** @param overrides bindings to use instead of the real ones */
  constructor(overrides: object = {}) {
    const queues = Object.fromEntries(Object.keys(QUEUES).map((name) => [name, this.#producer(name as QueueBinding)]));
    this.env = { ...(env as object), ...queues, ...overrides } as unknown as Env;
  }

  #producer(name: QueueBinding): Pick<Queue, "send" | "sendBatch"> {
    const take = (body: unknown): void => {
      if (!this.losing.has(name)) this.waiting(name).push({ body, attempts: 1 });
    };
    return {
      send: async (body) => void take(body) as never,
      sendBatch: async (messages) => {
        for (const { body } of messages) take(body);
        return undefined as never;
      },
    };
  }

  waiting(name: QueueBinding): Sent[] {
    const known = this.#waiting.get(name) ?? [];
    this.#waiting.set(name, known);
    return known;
  }

  /** What a hub sends after a commit. */
  wake({ tenant, root }: { tenant: number; root: string }, seq = 1, unverified = false): void {
    this.waiting("FILE_EVENTS").push({ body: { tenant_id: tenant, drive_id: root, seq, unverified }, attempts: 1 });
  }

  /** Delivers one batch. Messages that ask for another try wait with one attempt more, until they are dead. */
  async deliver(name: QueueBinding, sent = this.waiting(name).splice(0)): Promise<void> {
    const messages = sent.map(({ body, attempts }, i) => ({ id: String(i), timestamp: new Date(), attempts, body }));
    const batch = createMessageBatch(QUEUES[name], messages);
    const ctx = createExecutionContext();
    let retried: string[];
    try {
      await consumers.queue(batch, this.env);
      const result = await getQueueResult(batch, ctx);
      retried = result.retryBatch.retry ? messages.map((m) => m.id) : result.retryMessages.map((m) => m.msgId);
    } catch {
      retried = messages.map((m) => m.id);
    }
    for (const id of retried) {
      const { body, attempts } = sent[Number(id)] as Sent;
      if (attempts < ATTEMPTS) this.waiting(name).push({ body, attempts: attempts + 1 });
    }
  }

  /** Delivers until nothing waits. */
  async drain(): Promise<void> {
    for (let round = 0; round < 100; round++) {
      const busy = (Object.keys(QUEUES) as QueueBinding[]).filter(
        (name) => !name.endsWith("_DEAD") && this.waiting(name).length > 0,
      );
      if (busy.length === 0) return;
      for (const name of busy) await this.deliver(name);
    }
    throw new Error("the queues do not come to rest");
  }

  /** One tick of the cron, with all that comes of it; without a time in a minute in which nothing rare is done. */
  async tick(scheduledTime = new Date("2026-01-01T00:01:00Z")): Promise<void> {
    await consumers.scheduled(createScheduledController({ scheduledTime }), this.env);
    await this.drain();
  }
}
