import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LeakyBucket, pour, takeToken, type TokenBucket } from "./buckets.ts";

const steps = fc.array(
  fc.record({ wait: fc.integer({ min: 0, max: 600_000 }), amount: fc.integer({ min: 1, max: 50 }) }),
  { maxLength: 200 },
);

describe("budgets", () => {
  it("Q4: a token bucket lets no hour have more than twice its capacity, and no moment more than one", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 20 }), (list, capacity) => {
        let state: TokenBucket | null = null;
        let now = 0;
        const passed: number[] = [];
        for (const { wait } of list) {
          now += wait;
          const verdict = takeToken(state, capacity, now);
          state = verdict.state;
          if (verdict.allowed) passed.push(now);
          const hour = passed.filter((at) => at > now - 3_600_000).length;
          expect(hour).toBeLessThanOrEqual(2 * capacity);
          expect(passed.filter((at) => at === now).length).toBeLessThanOrEqual(capacity);
        }
      }),
    );
  });

  it("Q4: what was refused passes after retry_after", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 50, max: 100 }), (list, capacity) => {
        let state: LeakyBucket | null = null;
        let now = 0;
        for (const { wait, amount } of list) {
          now += wait;
          const verdict = pour(state, amount, capacity, now);
          if (!verdict.allowed) {
            const later = now + Math.ceil(verdict.retry_after * 1000) + 1;
            expect(pour(state, amount, capacity, later).allowed).toBe(true);
          }
          state = verdict.state;
          expect(state.level).toBeLessThanOrEqual(capacity);
        }
      }),
    );
  });

  it("Q4: a body larger than the bucket passes an empty one", () => {
    expect(pour(null, 1000, 10, 0).allowed).toBe(true);
  });
});
