/**
 * The whole of storage over ports in memory: any steps together, calls that fail, hang or lose their answers, crashes
 * at any of them, clocks that jump.
 */
import fc from "fast-check";
import { afterEach, beforeEach, it, vi } from "vitest";
import { countSteps, modelOptions } from "./options.ts";
import { Play } from "./play.ts";
import { seededCrypto } from "./seeded-crypto.ts";
import { group } from "./steps.ts";

/** Of some 75 steps each. */
const RUNS = 720;
/** What every `npm test` plays. */
const STEPS_MIN = 50_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Bytes of the drive: one that is soon full, and one that never is. */
const limit = fc.constantFrom(150_000, 60_000_000, 60_000_000);

it("U1 to U23, S1 to S4, S13, H1 to H9, Q1 to Q3, E10 to E12, V5 to V11: what was acknowledged is there and exact, and nothing else", async () => {
  let steps = 0;
  await fc.assert(
    fc.asyncProperty(limit, fc.array(group, { minLength: 1, maxLength: 90, size: "max" }), async (limit, groups) => {
      vi.stubGlobal("crypto", seededCrypto(1));
      const play = new Play(limit);
      for (const one of groups) await play.group(one);
      await play.end();
      steps += play.steps;
    }),
    modelOptions(RUNS),
  );
  countSteps("storage", steps, STEPS_MIN);
}, 600_000);
