/** One consumer's run over one drive's journal. docs/spec/events.md, E3 to E7. */
import type { JournalRow } from "../files/model.ts";
import type { EventFailure, EventHandler, EventStore } from "./ports.ts";

/** Entries read at once: bounds the memory and the subrequests of a run. */
export const SLICE = 100;
/** Failures tried in one run: what waits for another try must not hold up what is new. */
export const DUE = 10;
export const ATTEMPTS_MAX = 5;
/** The largest time that `Date` has: a dead failure is never due. */
export const NEVER = 8_640_000_000_000_000;

const FIRST_DELAY = 30_000;

/** 30 s, 2 min, 8 min, 32 min after the attempts one to four. */
export const retryDelay = (attempts: number): number => FIRST_DELAY * 4 ** (attempts - 1);

const ERROR_MAX = 200;

/**
 * What is stored of an error: its name and a short message. Errors of the database client quote statements and
 * their parameters behind the first line or colon, so no more than that is kept.
 */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  const first = error.message.split(/[\n:]/, 1)[0] as string;
  return `${error.name}: ${first}`.slice(0, ERROR_MAX);
}

function failureOf(seq: number, attempts: number, error: string, now: number): EventFailure {
  const dead = attempts >= ATTEMPTS_MAX;
  return { seq, attempts, error, retry_at: dead ? NEVER : now + retryDelay(attempts) };
}

export interface Run {
  /** Entries were left behind the mark: wake again. */
  more: boolean;
  /** Failures that have now had their last attempt. */
  dead: EventFailure[];
}

type Attempt = "handled" | "spent" | EventFailure;

/**
 * @param careful after a delivery that did not end: each entry is recorded as failed before it is tried, so that one
 * that ends the process (memory, CPU time) is passed the next time and never blocks the drive
 */
export async function consume(
  store: EventStore,
  handler: EventHandler,
  options: { careful: boolean; now: () => number },
): Promise<Run> {
  const { mark, entries, due } = await store.pending({ entries: SLICE, due: DUE }, options.now());
  const dead: EventFailure[] = [];
  for (const { failure, entry } of due) {
    if (entry === null) {
      await store.record({ mark, failed: [], settled: [failure.seq] });
      continue;
    }
    const attempt = await tryAlone(store, handler, entry, mark, failure.attempts + 1, options.now);
    if (attempt === "spent") return { more: true, dead };
    if (attempt !== "handled" && attempt.retry_at === NEVER) dead.push(attempt);
  }
  const moreDue = due.length === DUE;
  if (entries.length === 0) return { more: moreDue, dead };

  if (options.careful) {
    for (const entry of entries) {
      const attempt = await tryAlone(store, handler, entry, entry.seq, 1, options.now);
      if (attempt === "spent") return { more: true, dead };
    }
    return { more: moreDue || entries.length === SLICE, dead };
  }

  const { count, failures } = await handler.handle(entries);
  const last = entries[count - 1];
  if (last === undefined) return { more: true, dead };
  const failed = [...failures].map(([seq, error]) => failureOf(seq, 1, describe(error), options.now()));
  const moved = await store.record({ mark: last.seq, failed, settled: [] });
  // Of runs over the same entries only one moves the mark, and only that one goes on: they do not multiply.
  const left = moved && (count < entries.length || entries.length === SLICE);
  return { more: moreDue || left, dead };
}

/** The attempt is counted before it is made, and the last one buries first: a crash in it counts and leaves nothing open. */
async function tryAlone(
  store: EventStore,
  handler: EventHandler,
  entry: JournalRow,
  mark: number,
  attempts: number,
  now: () => number,
): Promise<Attempt> {
  if (attempts >= ATTEMPTS_MAX) await handler.bury?.(entry);
  await store.record({ mark, failed: [failureOf(entry.seq, attempts, "did not end", now())], settled: [] });
  let error: unknown;
  try {
    const { count, failures } = await handler.handle([entry]);
    if (count === 0) {
      // Nothing was tried: the attempt does not count, and the next wake finds the entry due.
      const untried = { seq: entry.seq, attempts: attempts - 1, error: "not tried yet", retry_at: now() };
      await store.record({ mark, failed: [untried], settled: [] });
      return "spent";
    }
    if (!failures.has(entry.seq)) {
      await store.record({ mark, failed: [], settled: [entry.seq] });
      return "handled";
    }
    error = failures.get(entry.seq);
  } catch (thrown) {
    error = thrown;
  }
  const failed = failureOf(entry.seq, attempts, describe(error), now());
  await store.record({ mark, failed: [failed], settled: [] });
  return failed;
}
