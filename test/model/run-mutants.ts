/** `node test/model/run-mutants.ts [numbers]`: breaks the code in each way of the list; the model must fail each time, and pass without. */
import { stripVTControlCharacters } from "node:util";
import { captureTool } from "../../scripts/lib/tools.ts";
import { MUTANTS } from "./mutants.ts";

const run = (mutant: number, test: string) =>
  captureTool("vitest", ["run", "--config", "test/model/mutants.config.ts", test], {
    env: { ...process.env, MUTANT: String(mutant), MODEL_RUNS: "150" },
  });

/** The first words of what failed: a test, not the way it was run. */
const whyOf = (output: string): string | null =>
  /Caused by: (.{1,90})|AssertionError: (.{1,90})|Error: (Test timed out.{0,20}|something neither.*|no end.{0,60})/
    .exec(stripVTControlCharacters(output))
    ?.slice(1)
    .find((words) => words !== undefined) ?? null;

/** The quick one first; what only commands in one group show, the hub's own model does. */
const TESTS = [
  "core/keys/",
  "core/erasure/",
  "core/sync/hub.model.test.ts",
  "core/sync/conflicts.model.test.ts",
  "test/model/drive.test.ts",
  "test/model/faults.test.ts",
];
/** Numbers in the list, else all of it. */
const chosen = process.argv.slice(2).map(Number);

let missed = 0;
for (const [i, { name, rule }] of MUTANTS.entries()) {
  if (chosen.length > 0 && !chosen.includes(i)) continue;
  let found: string | null = null;
  for (const test of TESTS) {
    if (found !== null) break;
    const { code, stdout, stderr } = await run(i, test);
    if (code === 0) continue;
    const why = whyOf(stdout + stderr);
    if (why === null) throw new Error(`no test failed, but the run did: ${name}\n${stdout}${stderr}`);
    found = `${test}: ${why}`;
  }
  console.log(`${found === null ? "MISSED" : "found "} ${rule}: ${name}\n         ${found ?? ""}`);
  if (found === null) missed += 1;
}
process.exitCode = missed === 0 ? 0 : 1;
