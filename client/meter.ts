/** How far a transfer is. `rate` is bytes a second, `left_s` seconds; null until there is enough to judge by. */
export interface Progress {
  sent: number;
  total: number;
  rate: number | null;
  left_s: number | null;
}

/** Long enough to be calm, short enough to follow a network that changes. */
const WINDOW_MS = 8_000;
const ENOUGH_MS = 800;

/** Rate over the last seconds. Counts only what went over the network: bytes found on the server are no speed. */
export class Meter {
  readonly #samples: { at: number; bytes: number }[] = [];

  /** @param bytes all that went over the network so far @param at milliseconds, of any steady clock */
  sample(bytes: number, at: number): void {
    this.#samples.push({ at, bytes });
    while (this.#samples.length > 2 && (this.#samples[1]?.at ?? at) < at - WINDOW_MS) this.#samples.shift();
  }

  /** Bytes a second. A retry takes bytes back: then it is slow, never negative. */
  rate(now: number): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || now - first.at < ENOUGH_MS) return null;
    return Math.max(0, (last.bytes - first.bytes) / ((now - first.at) / 1000));
  }

  progress(sent: number, total: number, now: number): Progress {
    const rate = this.rate(now);
    return { sent, total, rate, left_s: rate ? (total - sent) / rate : null };
  }
}
