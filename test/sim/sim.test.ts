/**
 * The sync client and the hub in one world: docs/spec/sync-client.md, SIM. The same seeds each time; SIM_SEED and
 * SIM_RUNS name others (`npm run sim`).
 */
import { expect, it } from "vitest";
import { failureOf, LENGTH, shrink } from "./play.ts";
import { scheduleOf } from "./steps.ts";

const FIRST = Number(process.env["SIM_SEED"] ?? 1);
const RUNS = Number(process.env["SIM_RUNS"] ?? 2_000);

it("SIM: every schedule ends, all trees are equal, nothing that was saved is lost, journals have no gap", async () => {
  for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
    const failure = await failureOf(scheduleOf(seed, LENGTH));
    if (failure === null) continue;
    const schedule = scheduleOf(seed, LENGTH);
    const short = process.env["SIM_SHRINK"] === "no" ? schedule : await shrink(schedule);
    const again = (await failureOf(short)) ?? failure;
    console.log([`seed ${seed}, ${short.steps.length} steps:`, ...again.log].join("\n"));
    expect.fail(`seed ${seed}: ${again.error.message}`);
  }
}, 3_600_000);
