/** Messages of the queue `replica`. docs/spec/replica.md, RP9, RP11 and RP12. */
import { z } from "zod";

/** Keys of one message. */
export const KEYS_MAX = 100;

/** R2 takes keys of 1,024 bytes at most. */
const key = z.string().min(1).max(1024);

const count = z.number().int().min(0);

export const replicaJobSchema = z.discriminatedUnion("job", [
  z.object({ job: z.literal("copy"), keys: z.array(key).min(1).max(KEYS_MAX) }),
  z.object({ job: z.literal("heal") }),
  z.object({
    job: z.literal("compare"),
    prefix: z.string().max(1024),
    /** Where an earlier job stopped, and what was found until then. */
    after: z.string().max(1024),
    missing: count,
    only_in_replica: count,
  }),
]);
export type ReplicaJob = z.infer<typeof replicaJobSchema>;

export function copyJobs(keys: readonly string[]): ReplicaJob[] {
  const distinct = [...new Set(keys)];
  const jobs: ReplicaJob[] = [];
  for (let at = 0; at < distinct.length; at += KEYS_MAX)
    jobs.push({ job: "copy", keys: distinct.slice(at, at + KEYS_MAX) });
  return jobs;
}
