/** Calls that are tried again. docs/spec/replica.md, RP2 and RP4. */
import { DriveError } from "../protocol/errors.ts";
import { OBJECT_PATIENCE, withDeadline } from "../storage/deadline.ts";
import { StoreRefused } from "../storage/ports.ts";
import type { Clock } from "./ports.ts";

export const ATTEMPTS = 3;

const DELAY = 100;
const DELAY_MAX = 5_000;

/** Milliseconds before an attempt; the first one is 0. */
export const delayBefore = (attempt: number): number =>
  attempt === 0 ? 0 : Math.min(DELAY * 2 ** (attempt - 1), DELAY_MAX);

/**
 * The time that all attempts of one call have together (S13). A write that is not answered uses it up, so it is never
 * made again: its owner may use the body again by then, and the late call would store other bytes.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #until: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#until = clock.now() + OBJECT_PATIENCE;
  }

  /** @param most milliseconds for this call alone. @throws `unavailable` */
  bound<T>(work: () => Promise<T>, most = OBJECT_PATIENCE): Promise<T> {
    return withDeadline(work(), Math.max(0, Math.min(most, this.#until - this.#clock.now())));
  }

  /** @returns false when the time is over by then */
  async pause(attempt: number): Promise<boolean> {
    const delay = delayBefore(attempt);
    if (this.#clock.now() + delay >= this.#until) return false;
    if (delay > 0) await this.#clock.sleep(delay);
    return true;
  }
}

/** @param work bounded by `patience`. @throws StoreRefused at once, else the last failure */
export async function retried<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  let failure: unknown = new DriveError("unavailable", "The store did not answer in time; try again.");
  for (let attempt = 0; attempt < ATTEMPTS && (await patience.pause(attempt)); attempt++)
    try {
      return await work();
    } catch (error) {
      if (error instanceof StoreRefused) throw error;
      failure = error;
    }
  throw failure;
}
