/** Each rule of collection and compaction taken away: a scene or the model notices. docs/spec/durability.md, What it survives. */
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { modelOptions } from "../../test/model/options.ts";
import { MUTATIONS } from "../../test/support/memory/durability/mutations.ts";
import { durability } from "../../test/support/memory/durability/plays.ts";
import { playScene, SCENES } from "../../test/support/memory/durability/scenes.ts";

const RUNS = 334;

afterEach(() => void vi.unstubAllGlobals());

describe("garbage collection", () => {
  it.for(SCENES)("$name", async (scene) => {
    await playScene(scene, null);
    if (scene.mutation === null) return;
    await expect(playScene(scene, scene.mutation), `without the rule: ${scene.mutation}`).rejects.toThrow(
      /missing|cut|left/,
    );
  });

  it.for(Object.entries(MUTATIONS))("is noticed: %s", { timeout: 300_000 }, async ([, mutation]) => {
    const result = await fc.check(durability(mutation), { ...modelOptions(RUNS), endOnFailure: true });
    expect(result.failed).toBe(true);
  });
});
