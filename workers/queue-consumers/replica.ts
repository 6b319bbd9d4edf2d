/** Queue `replica`: copies, healing, and the comparison of the two buckets. docs/spec/replica.md, RP9 to RP12. */
import { copyObject } from "../../core/replica/copy.ts";
import { heal } from "../../core/replica/heal.ts";
import { copyJobs, type ReplicaJob, replicaJobSchema } from "../../core/replica/jobs.ts";
import type { Sides } from "../../core/replica/ports.ts";
import { compare } from "../../core/replica/reconcile.ts";
import { Budget, type Context } from "./context.ts";
import { sendAll } from "./send.ts";

/** Bytes that an invocation copies: some ten seconds of CPU. */
const BYTES = 512 * 1024 * 1024;
/** Copies under way at a time: each holds a part and a piece. */
const LANES = 3;
/** Calls of each bucket in one comparison, of a thousand keys each. */
const PAGES = 20;
/** Seconds until a copy is tried again: doubled each time, up to an hour. */
const RETRY_DELAY = 30;
const RETRY_MAX = 3600;

type Job<Name extends ReplicaJob["job"]> = Extract<ReplicaJob, { job: Name }>;

/** When all is compared, and when what is written again: keys, what is kept of masters, backups. */
const ALL_AT = { hour: 3, minute: 41 };
const REWRITTEN_AT = 23;

export function replicaJobsAt(at: Date): ReplicaJob[] {
  const comparison = (prefix: string): ReplicaJob => ({
    job: "compare",
    prefix,
    after: "",
    missing: 0,
    only_in_replica: 0,
  });
  const minute = at.getUTCMinutes();
  const isAll = minute === ALL_AT.minute && at.getUTCHours() === ALL_AT.hour;
  return [
    { job: "heal" },
    ...(minute === REWRITTEN_AT ? ["keys/", "masters/", "backup/"].map(comparison) : []),
    ...(isAll ? [comparison("")] : []),
  ];
}

export async function replica(context: Context, batch: MessageBatch): Promise<void> {
  const { sides } = context;
  const budget = new Budget(BYTES);
  for (const message of batch.messages) {
    const job = replicaJobSchema.safeParse(message.body);
    try {
      if (!job.success) throw new Error("no such job");
      if (sides !== null) await runJob(context, sides, job.data, budget);
      message.ack();
    } catch (error) {
      console.error({ message: "a job of the replica failed", job: job.data?.job, error: String(error).slice(0, 200) });
      message.retry({ delaySeconds: Math.min(RETRY_DELAY * 2 ** (message.attempts - 1), RETRY_MAX) });
    }
  }
}

function runJob(context: Context, sides: Sides, job: ReplicaJob, budget: Budget): Promise<void> {
  if (job.job === "copy") return runCopy(context, sides, job, budget);
  return job.job === "heal" ? runHeal(context, sides) : runCompare(context, sides, job);
}

async function runCopy(context: Context, sides: Sides, { keys }: Job<"copy">, budget: Budget): Promise<void> {
  const waiting = [...keys];
  let copied = 0;
  let lag = 0;
  const lane = async (): Promise<void> => {
    while (!budget.isSpent) {
      const key = waiting.shift();
      if (key === undefined) return;
      const { outcome, bytes, uploaded_at } = await copyObject(sides.primary, sides.replica, key, sides.spare);
      budget.spend(bytes);
      if (outcome !== "copied") continue;
      copied += 1;
      lag = Math.max(lag, context.now() - uploaded_at);
    }
  };
  // All lanes end before the message is settled: what is under way is not begun a second time.
  const ends = await Promise.allSettled(Array.from({ length: LANES }, () => lane()));
  if (copied > 0) await context.record.save([["copied", copied]], [["lag_ms", lag]]);
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  await sendAll(context.env.REPLICA, copyJobs(waiting));
}

async function runHeal(context: Context, sides: Sides): Promise<void> {
  const { healed, found, unhealed, error } = await heal(sides, context.now(), BYTES);
  if (found === 0) return;
  const why = error === null ? undefined : String(error).slice(0, 200);
  console.error({ message: "objects wait for the primary", alert: "unhealed", healed, unhealed, error: why });
  await context.record.save(healed > 0 ? [["healed", healed]] : [], [["unhealed", unhealed]]);
  // Where it failed the next minute's goes on.
  if (healed > 0 && unhealed > 0 && error === null)
    await context.env.REPLICA.send({ job: "heal" } satisfies ReplicaJob);
}

async function runCompare(context: Context, sides: Sides, job: Job<"compare">): Promise<void> {
  const found = await compare(sides, job.prefix, job.after, PAGES);
  await context.copyLater(found.missing);
  const missing = job.missing + found.missing.length;
  const only_in_replica = job.only_in_replica + found.only_in_replica;
  if (found.after !== null)
    return void (await context.env.REPLICA.send({
      ...job,
      after: found.after,
      missing,
      only_in_replica,
    } satisfies ReplicaJob));
  if (job.prefix !== "") return;
  await context.record.save(
    [],
    [
      ["missing", missing],
      ["only_in_replica", only_in_replica],
    ],
  );
  if (missing + only_in_replica > 0)
    console.error({ message: "the two buckets differ", alert: "replica", missing, only_in_replica });
}
