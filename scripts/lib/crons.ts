import type { Miniflare } from "miniflare";
import { CONSUMERS } from "./project.ts";
import { readConfig } from "./worker-config.ts";

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
  const timer = setInterval(() => {
    tick().catch((error: unknown) => say(`error: the scheduled run failed: ${String(error)}`));
  }, 60_000);
  return { tick, stop: () => clearInterval(timer) };
}

function everyMinute(crons: readonly string[]): readonly string[] {
  const other = crons.find((cron) => cron !== "* * * * *");
  if (other) throw new Error(`scripts/lib/crons.ts runs "* * * * *" only, and not "${other}"`);
  return crons;
}
