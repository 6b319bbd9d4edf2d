/**
 * Any uploads, edits that borrow, copies, restored versions, purges, repointed manifests, downloads, rounds, compactions
 * and sweeps at once, crashing before any call, with messages that are lost or come twice and clocks that jump: every
 * version reads exactly at every step, and in the end there is no garbage. docs/spec/durability.md, What it survives.
 */
import fc from "fast-check";
import { afterEach, it, vi } from "vitest";
import { countSteps, modelOptions } from "../../test/model/options.ts";
import { durability } from "../../test/support/memory/durability/plays.ts";

/** 50,100 steps, of up to 12 calls each. */
const RUNS = 334;

afterEach(() => void vi.unstubAllGlobals());

it("1 to 18: nothing that is needed goes, and all that is not", { timeout: 600_000 }, async () => {
  let steps = 0;
  await fc.assert(
    durability(null, (made) => (steps += made)),
    modelOptions(RUNS),
  );
  countSteps("garbage", steps, 50_000);
});
