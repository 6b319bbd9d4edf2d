/** What was tried in vain: refused until something about it changes, or held back for a while (EX3). */
import { type Clock, DiskError, type Problem } from "./ports.ts";
import { ApiError } from "../errors.ts";

/** Nothing about them changes by trying again: the planner finds another way. */
const REFUSED = new Set([
  "forbidden",
  "not_found",
  "trashed",
  "file_too_large",
  "not_a_folder",
  "not_a_file",
  "insufficient_permission",
]);

/** The network or the server, not the item: the whole round is tried again. */
const LATER = new Set(["unavailable", "rate_limited", "internal"]);

const FIRST_MS = 2_000;
const MOST_MS = 10 * 60_000;

interface Hold {
  until: number;
  attempts: number;
  problem: Problem | null;
}

export const isLater = (code: string): boolean => LATER.has(code);

export class Holds {
  /** By file, node, or `place:` and file: code. */
  readonly refused = new Map<string, string>();
  readonly #clock: Clock;
  readonly #held = new Map<string, Hold>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  refuse(key: string, code: string): void {
    this.refused.set(key, code);
  }

  isFinal(code: string): boolean {
    return REFUSED.has(code);
  }

  /** Tried again after a pause that doubles. Null as problem: it is not worth telling. */
  hold(key: string, problem: Problem | null): void {
    const attempts = (this.#held.get(key)?.attempts ?? 0) + 1;
    const until = this.#clock.steady() + Math.min(MOST_MS, FIRST_MS * 2 ** (attempts - 1));
    this.#held.set(key, { until, attempts, problem });
  }

  /** Something about it changed: what was said of it does not hold any more. */
  forget(key: string): void {
    this.refused.delete(key);
    this.refused.delete(`place:${key}`);
  }

  done(key: string): void {
    this.#held.delete(key);
  }

  now(): ReadonlySet<string> {
    const now = this.#clock.steady();
    return new Set([...this.#held].filter(([, { until }]) => until > now).map(([key]) => key));
  }

  problems(): Problem[] {
    return [...this.#held.values()].flatMap(({ problem }) => problem ?? []);
  }

  /** Milliseconds until something is to be tried again; null: nothing waits. */
  next(): number | null {
    const now = this.#clock.steady();
    const waits = [...this.#held.values()].map(({ until }) => Math.max(0, until - now));
    return waits.length === 0 ? null : Math.min(...waits);
  }
}

/** For people: what is wrong with an item. */
export function problemOf(at: Pick<Problem, "path" | "file_id">, error: unknown): Problem {
  if (error instanceof DiskError) return { ...at, code: error.problem, detail: DISK_WORDS[error.problem] };
  if (error instanceof ApiError) return { ...at, code: error.code, detail: error.detail };
  throw error;
}

const DISK_WORDS: Record<DiskError["problem"], string> = {
  missing: "It is not there any more.",
  changed: "It changes all the time.",
  occupied: "Something else has this name.",
  not_empty: "This folder was deleted elsewhere, but holds files that are not synced.",
  unreadable: "It cannot be read.",
  read_only: "It cannot be written.",
  busy: "Another program uses it.",
  full: "The disk is full.",
};
