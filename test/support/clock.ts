import { afterEach, beforeEach, vi } from "vitest";
import { DAY } from "../../core/time.ts";

/** The time of a file's tests is theirs: they move it on by milliseconds, or by days. Timers are real. */
export function movedClock(): { pass(ms: number): void; later(days: number): void } {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
  afterEach(() => void vi.useRealTimers());
  const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
  return { pass, later: (days) => pass(days * DAY) };
}
