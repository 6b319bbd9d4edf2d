import type { Miniflare } from "miniflare";
import { CONSUMERS } from "./project.ts";
import { readConfig } from "./worker-config.ts";

/** The sweep leaves alone what is younger than five seconds. */
const FIRST_TICK = 6_000;

/**
 * Plays the platform's cron: every minute, each schedule of the consumers. The schedules there are `* * * * *` only,
 * which {@link everyMinute} insists on rather than to run another one at the wrong time.
 */
export function startCrons(mf: Miniflare, say: (message: string) => void): { tick(): Promise<void>; stop(): void } {
  const crons = everyMinute(readConfig(CONSUMERS).triggers.crons ?? []);
  const tick = async (): Promise<void> => {
    const worker = await mf.getWorker(CONSUMERS.name);
    for (const cron of crons) await worker.scheduled({ cron, scheduledTime: new Date() });
  };
  const run = (): void =>
    void tick().catch((error: unknown) => say(`error: the scheduled run failed: ${String(error)}`));
  // Queues are in memory here: what the last stop lost is found soon, not a minute later.
  const first = setTimeout(run, FIRST_TICK);
  const timer = setInterval(run, 60_000);
  const stop = (): void => {
    clearTimeout(first);
    clearInterval(timer);
  };
  return { tick, stop };
}

function everyMinute(crons: readonly string[]): readonly string[] {
  const other = crons.find((cron) => cron !== "* * * * *");
  if (other) throw new Error(`scripts/lib/crons.ts runs "* * * * *" only, and not "${other}"`);
  return crons;
}
