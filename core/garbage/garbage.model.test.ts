/**
 * Any uploads, edits that borrow, copies, restored versions, purges, repointed manifests, downloads, rounds, compactions,
 * rotations of keys, moves between tiers and sweeps at once, crashing before any call, with messages that are lost or
 * come twice and clocks that jump: every version reads exactly at every step, or can be asked back from the archive, and
 * in the end there is no garbage. docs/spec/durability.md, What it survives.
 */
import fc from "fast-check";
import { afterEach, it, vi } from "vitest";
import { countSteps, modelOptions } from "../../test/model/options.ts";
import { durability } from "../../test/support/memory/durability/plays.ts";

/** Of some 135 steps each, which are up to 12 calls each. */
const RUNS = 380;
/** What every `npm test` plays. */
const STEPS_MIN = 50_000;

afterEach(() => void vi.unstubAllGlobals());

it("1 to 18: nothing that is needed goes, and all that is not", { timeout: 600_000 }, async () => {
  let steps = 0;
  await fc.assert(
    durability(null, (made) => (steps += made)),
    modelOptions(RUNS),
  );
  countSteps("garbage", steps, STEPS_MIN);
});
