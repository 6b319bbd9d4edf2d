/** A circuit breaker: keeps calls from a store that fails. docs/spec/replica.md, RP5. */

/** Failures in a row that open it, and successes in a row that close it. */
const FAILURES = 5;
const SUCCESSES = 3;

/** Milliseconds until the first probe; doubled by each probe that fails, up to the longest. */
const COOLDOWN = 1_000;
const COOLDOWN_MAX = 30_000;

/** A probe that was not settled by then is lost: the platform ends requests without a word. */
const PROBE_MAX = 30_000;

export type BreakerState = "closed" | "open" | "half_open";

/** Leave to make one call; what came of it is told with it. */
export interface Permit {
  readonly is_probe: boolean;
  /** Permits of an earlier state say nothing about this one. */
  readonly era: number;
}

export class Breaker {
  readonly #now: () => number;
  readonly #moved: (from: BreakerState, to: BreakerState) => void;
  #state: BreakerState = "closed";
  #era = 0;
  /** Failures in a row while closed, successes while half open. */
  #count = 0;
  #cooldown = COOLDOWN;
  /** When the next probe may go. */
  #probe_at = 0;

  constructor(now: () => number, moved: (from: BreakerState, to: BreakerState) => void) {
    this.#now = now;
    this.#moved = moved;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Null: do without this store. */
  admit(): Permit | null {
    if (this.#state === "closed") return { is_probe: false, era: this.#era };
    const now = this.#now();
    if (now < this.#probe_at) return null;
    if (this.#state === "open") this.#move("half_open");
    this.#probe_at = now + PROBE_MAX;
    return { is_probe: true, era: this.#era };
  }

  succeeded({ era }: Permit): void {
    if (era !== this.#era) return;
    if (this.#state === "closed") {
      this.#count = 0;
      return;
    }
    this.#count += 1;
    this.#probe_at = this.#now();
    if (this.#count < SUCCESSES) return;
    this.#cooldown = COOLDOWN;
    this.#move("closed");
  }

  failed({ era }: Permit): void {
    if (era !== this.#era) return;
    if (this.#state === "half_open") this.#cooldown = Math.min(2 * this.#cooldown, COOLDOWN_MAX);
    else if (++this.#count < FAILURES) return;
    this.#open();
  }

  /** Another isolate has found the store failing. */
  trip(): void {
    if (this.#state === "closed") this.#open();
  }

  #open(): void {
    this.#move("open");
    this.#probe_at = this.#now() + this.#cooldown;
  }

  #move(to: BreakerState): void {
    const from = this.#state;
    this.#state = to;
    this.#era += 1;
    this.#count = 0;
    this.#moved(from, to);
  }
}
