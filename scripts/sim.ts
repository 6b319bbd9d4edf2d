import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { printError, UsageError } from "./lib/cli.ts";
import { captureTool } from "./lib/tools.ts";

const USAGE = `npm run sim [-- --seeds N --from SEED]

Plays the simulation of syncing devices (test/sim) under N seeds (10000), from a random one on, until one fails: its
schedule is made short and printed. --from SEED --seeds 1 plays it again.`;

/** Seeds of one process: some minutes. */
const AT_ONCE = 2_000;

try {
  process.exitCode = await run();
} catch (error) {
  printError(error);
  process.exitCode = 1;
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new UsageError(`--${name} wants a whole number above 0, and not "${text}".`);
  return number;
}

async function run(): Promise<number> {
  const options = { seeds: { type: "string" }, from: { type: "string" }, help: { type: "boolean" } } as const;
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const seeds = numberOf("seeds", values.seeds ?? "10000");
  const from = numberOf("from", values.from ?? String(randomInt(1, 2 ** 31)));
  for (let done = 0; done < seeds; done += AT_ONCE) {
    const runs = Math.min(AT_ONCE, seeds - done);
    const env = { ...process.env, SIM_SEED: String(from + done), SIM_RUNS: String(runs) };
    const args = ["run", "--project", "unit", "test/sim/sim.test.ts"];
    const { code, stdout, stderr } = await captureTool("vitest", args, { env });
    if (code !== 0) {
      console.log(`${stdout}${stderr}`);
      return 1;
    }
    console.log(`${done + runs} schedules hold, seeds ${from} to ${from + done + runs - 1}`);
  }
  return 0;
}
