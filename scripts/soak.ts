import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { printError, UsageError } from "./lib/cli.ts";
import { captureTool } from "./lib/tools.ts";
import { HOUR } from "../core/time.ts";

const USAGE = `npm run soak [-- --hours N]

Plays the models of storage and of garbage collection, each time with another seed, for N hours (8) or until one fails.`;

const MODELS = ["test/model/drive.test.ts", "core/garbage/garbage.model.test.ts"];
/** Plays of each model for a seed: some minutes. MODEL_RUNS says another number. */
const RUNS = 1_000;

try {
  process.exitCode = await run();
} catch (error) {
  printError(error);
  process.exitCode = 1;
}

async function run(): Promise<number> {
  const { values } = parseArgs({ options: { hours: { type: "string" }, help: { type: "boolean" } } });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const hours = Number(values.hours ?? 8);
  if (!(hours > 0)) throw new UsageError(`--hours wants a number above 0, and not "${values.hours}".`);
  const end = Date.now() + hours * HOUR;
  const played = new Map<string, number>();
  while (Date.now() < end) {
    const seed = randomInt(2 ** 31);
    console.log(`seed ${seed}`);
    const env = { MODEL_RUNS: String(RUNS), ...process.env, MODEL_SEED: String(seed) };
    const { code, stdout, stderr } = await captureTool("vitest", ["run", "--project", "unit", ...MODELS], { env });
    if (code !== 0) {
      console.log(`${stdout}${stderr}`);
      console.log(`Again: MODEL_SEED=${seed} MODEL_PATH=(the path above) npm test -- --project unit (the model)`);
      return 1;
    }
    for (const [, model, steps] of stdout.matchAll(/^(?:\S*m)?(\w+): (\d+) steps$/gm))
      played.set(model as string, (played.get(model as string) ?? 0) + Number(steps));
    console.log([...played].map(([model, steps]) => `  ${model}: ${steps} steps so far`).join("\n"));
  }
  return 0;
}
