import { setTimeout as sleep } from "node:timers/promises";

/** What may go at once after a rest, in seconds of the rate: short enough to hold a limit over any ten seconds. */
const BURST_S = 0.25;

interface Time {
  /** Milliseconds of a clock that only goes forwards. */
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

const ours: Time = { now: () => performance.now(), sleep: (ms) => sleep(ms) };

/** docs/spec/sync-client.md, BR5: so many bytes a second, over all who take from it. */
export class Throttle {
  readonly #time: Time;
  /** Bytes a second; null for as many as the line takes. */
  #rate: number | null;
  /** When all that was taken would have gone at the rate. */
  #free_at = -Infinity;

  constructor(rate: number | null, time = ours) {
    this.#rate = rate;
    this.#time = time;
  }

  get rate(): number | null {
    return this.#rate;
  }

  set rate(rate: number | null) {
    this.#rate = rate;
    this.#free_at = -Infinity;
  }

  /** Bytes to ask for at once, so that a limit is felt as a slow line and not as stops. */
  get piece(): number {
    return this.#rate === null ? 256 * 1024 : Math.min(64 * 1024, Math.max(512, Math.floor(this.#rate / 20)));
  }

  /** Resolves when so many more may go. */
  async take(bytes: number): Promise<void> {
    const rate = this.#rate;
    if (rate === null) return;
    const now = this.#time.now();
    this.#free_at = Math.max(this.#free_at, now - BURST_S * 1000) + (bytes / rate) * 1000;
    if (this.#free_at > now) await this.#time.sleep(this.#free_at - now);
  }
}
