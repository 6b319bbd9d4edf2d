/** `node test/sim/run-mutants.ts [numbers]`: breaks the code in each way of the list; the simulation must fail each time. */
import { captureTool } from "../../scripts/lib/tools.ts";
import { MUTANTS } from "./mutants.ts";

/** Seeds that are played against each. */
const RUNS = process.env["SIM_RUNS"] ?? "400";

/** Numbers in the list, else all of it. */
const chosen = process.argv.slice(2).map(Number);

let missed = 0;
for (const [i, { name, rule }] of MUTANTS.entries()) {
  if (chosen.length > 0 && !chosen.includes(i)) continue;
  const { code, stdout, stderr } = await captureTool("vitest", ["run", "--config", "test/sim/mutants.config.ts"], {
    env: { ...process.env, MUTANT: String(i), SIM_RUNS: RUNS, SIM_SHRINK: "no" },
  });
  const why = /(seed \d+: .{1,120})/.exec(stdout + stderr)?.[1];
  if (code !== 0 && why === undefined)
    throw new Error(`no schedule failed, but the run did: ${name}\n${stdout}${stderr}`);
  console.log(`${code === 0 ? "MISSED" : "found "} ${rule}: ${name}\n         ${why ?? ""}`);
  if (code === 0) missed += 1;
}
process.exitCode = missed === 0 ? 0 : 1;
