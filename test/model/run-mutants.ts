/** `node test/model/run-mutants.ts`: breaks the code in each way of the list; the model must fail each time, and pass without. */
import { captureTool } from "../../scripts/lib/tools.ts";
import { MUTANTS } from "./mutants.ts";

const run = (mutant: number, test: string) =>
  captureTool("vitest", ["run", "--config", "test/model/mutants.config.ts", test], {
    env: { ...process.env, MUTANT: String(mutant), MODEL_RUNS: "150" },
  });

let missed = 0;
for (const [i, { name, rule }] of MUTANTS.entries()) {
  let by: string | null = null;
  for (const test of ["drive.test.ts", "faults.test.ts"]) {
    if (by !== null) break;
    const { code, stdout, stderr } = await run(i, test);
    if (`${stdout}${stderr}`.includes("has not once")) throw new Error(`the list is out of date: ${name}`);
    if (code !== 0) by = test;
  }
  console.log(`${by === null ? "MISSED" : "found "} ${rule}: ${name}${by === null ? "" : ` (${by})`}`);
  if (by === null) missed += 1;
}
process.exitCode = missed === 0 ? 0 : 1;
