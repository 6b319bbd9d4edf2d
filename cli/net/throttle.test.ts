import { expect, test } from "vitest";
import { Throttle } from "./throttle.ts";

/** A clock that stands still until all wait, and then goes on to who is due first. */
class Time {
  #now = 0;
  readonly #waiting: { at: number; wake: () => void }[] = [];

  now = (): number => this.#now;
  sleep = (ms: number): Promise<void> => new Promise((wake) => this.#waiting.push({ at: this.#now + ms, wake }));

  async until(end: number): Promise<void> {
    for (;;) {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      this.#waiting.sort((a, b) => a.at - b.at);
      if (this.#waiting[0] === undefined || this.#waiting[0].at > end) break;
      const { at, wake } = this.#waiting.shift()!;
      this.#now = at;
      wake();
    }
    this.#now = end;
  }
}

/** Bytes that several takers get, by second. */
async function taken(throttle: Throttle, time: Time, seconds: number, takers: number): Promise<number[]> {
  const bytes = Array.from({ length: seconds }, () => 0);
  let stopped = false;
  const take = async (): Promise<void> => {
    for (;;) {
      const size = throttle.piece;
      await throttle.take(size);
      if (stopped) return;
      bytes[Math.floor(time.now() / 1000)]! += size;
    }
  };
  for (let i = 0; i < takers; i++) void take();
  await time.until(seconds * 1000 - 1);
  stopped = true;
  return bytes;
}

test.each([
  [500, 1],
  [20_000, 5],
  [2_000_000, 5],
])("BR5: %i bytes a second for %i takers hold within a tenth over any ten seconds", async (rate, takers) => {
  const time = new Time();
  const bytes = await taken(new Throttle(rate, time), time, 30, takers);
  for (let from = 0; from + 10 <= 30; from++) {
    const sum = bytes.slice(from, from + 10).reduce((a, b) => a + b, 0);
    expect(sum / (10 * rate)).toBeGreaterThan(0.9);
    expect(sum / (10 * rate)).toBeLessThan(1.1);
  }
});

test("BR5: without a limit nobody waits, and a limit that changes holds from then on", async () => {
  const time = new Time();
  const throttle = new Throttle(null, time);
  await throttle.take(1e12);
  throttle.rate = 1000;
  let went = false;
  void throttle.take(1250).then(() => (went = true));
  await time.until(999);
  expect(went).toBe(false);
  await time.until(1000);
  expect(went).toBe(true);
});
