/** edgedrive-queue-consumers: what comes after a commit, and the sweeps. Never reached from outside. */
import type { CleanupJob } from "../../core/events/wake.ts";
import { cleanup } from "./cleanup.ts";
import { contextOf } from "./context.ts";
import type { Env } from "./env.ts";
import { fileEvents } from "./file-events.ts";
import { notificationsHandler } from "./notifications.ts";
import { PICTURES, previewsHandler } from "./previews.ts";
import { replica, replicaJobsAt } from "./replica.ts";
import { runConsumer } from "./run.ts";
import { searchIndexHandler, TEXTS } from "./search-index.ts";
import { sendAll } from "./send.ts";
import { verification } from "./verification.ts";

/** Minute of the hour. */
const HOURLY_AT = 17;
const KEYS_AT = 47;
/** Minutes between the sweeps of upload sessions, which walk their table too; sessions last a day. */
const UPLOADS_EVERY = 10;
/** Minutes between backups of what has changed: what is lost at most. */
const BACKUP_EVERY = 5;

export default {
  async fetch(): Promise<Response> {
    return new Response(null, { status: 404 });
  },

  async queue(batch, env): Promise<void> {
    const context = contextOf(env);
    switch (batch.queue) {
      case "edgedrive-file-events":
        return fileEvents(context, batch);
      case "edgedrive-previews":
        return runConsumer(context, batch, { consumer: "previews", handlerOf: previewsHandler, work: PICTURES });
      case "edgedrive-search-index":
        return runConsumer(context, batch, { consumer: "search-index", handlerOf: searchIndexHandler, work: TEXTS });
      case "edgedrive-notifications":
        return runConsumer(context, batch, {
          consumer: "notifications",
          handlerOf: notificationsHandler,
          work: Infinity,
        });
      case "edgedrive-verification":
        return verification(context, batch);
      case "edgedrive-replica":
        return replica(context, batch);
      case "edgedrive-cleanup":
        return cleanup(context, batch);
      default:
        throw new Error(`no consumer for the queue ${batch.queue}`);
    }
  },

  /** Only enqueues: the work then has the queue's retries, and can be started by a message as well. */
  async scheduled({ scheduledTime }, env): Promise<void> {
    const { shards } = contextOf(env).shards;
    const minute = new Date(scheduledTime).getUTCMinutes();
    const backup = minute % BACKUP_EVERY === 0;
    const jobs = [...shards.keys()].flatMap((shard): CleanupJob[] => [
      { job: "republish", shard, ...(backup ? { backup } : {}) },
      ...(minute % UPLOADS_EVERY === 0 ? [{ job: "expire_uploads", shard } as const] : []),
      { job: "sweep_tenants", shard },
      ...(minute === KEYS_AT ? [{ job: "rotate_keys", shard } as const] : []),
    ]);
    jobs.push({ job: "erase_tenants" });
    if (backup) jobs.push({ job: "backup_directory" });
    // Once an hour: it walks whole tables of the directory, which is cheaper than an index on every sign-in.
    if (minute === HOURLY_AT) jobs.push({ job: "expire_sign_ins" });
    await sendAll(env.CLEANUP, jobs);
    if (contextOf(env).sides !== null) await sendAll(env.REPLICA, replicaJobsAt(new Date(scheduledTime)));
  },
} satisfies ExportedHandler<Env>;
