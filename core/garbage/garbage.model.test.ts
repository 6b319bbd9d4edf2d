/**
 * Any uploads, edits that borrow, copies, restored versions, purges, repointed manifests, downloads, rounds and sweeps
 * at once, crashing before any call, with messages that are lost or come twice and clocks that jump: every version
 * reads exactly at every step, and in the end there is no garbage. docs/spec/durability.md, What it survives.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MUTATIONS } from "../../test/support/memory/durability/mutations.ts";
import { durability } from "../../test/support/memory/durability/plays.ts";
import { playScene, SCENES } from "../../test/support/memory/durability/scenes.ts";

const LENGTH = 150;
/** 30,000 steps, of up to 12 calls each. */
const RUNS = 200;

describe("garbage collection", () => {
  it("1 to 13: nothing that is needed goes, and all that is not", { timeout: 300_000 }, async () => {
    let steps = 0;
    await fc.assert(
      durability(null, LENGTH, (made) => (steps += made)),
      { numRuns: RUNS },
    );
    expect(steps).toBeGreaterThanOrEqual(30_000);
  });

  it.for(SCENES)("$name", async (scene) => {
    await playScene(scene, null);
    await expect(playScene(scene, scene.mutation), `without the rule: ${scene.mutation}`).rejects.toThrow(
      /missing|cut|left/,
    );
  });

  it.for(Object.entries(MUTATIONS))("is noticed: %s", { timeout: 300_000 }, async ([, mutation]) => {
    const result = await fc.check(durability(mutation, LENGTH), { numRuns: RUNS, endOnFailure: true });
    expect(result.failed).toBe(true);
  });
});
