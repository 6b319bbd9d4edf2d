import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { exitOnSignals, printError, UsageError } from "../scripts/lib/cli.ts";
import { commits } from "./cases/commits.ts";
import { edits } from "./cases/edits.ts";
import { endpointsCase } from "./cases/endpoints.ts";
import { fanOut } from "./cases/fan-out.ts";
import { listing } from "./cases/listing.ts";
import { measureMemory } from "./cases/memory.ts";
import { reading } from "./cases/reading.ts";
import { notify } from "./cases/notify.ts";
import { measureReplica } from "./cases/replica.ts";
import { singleStorage } from "./cases/single-storage.ts";
import { smallFiles } from "./cases/small-files.ts";
import { transfer } from "./cases/transfer.ts";
import { startFloor } from "./floor/start.ts";
import type { Case, Report } from "./lib/case.ts";
import { CleanUp } from "./lib/clean-up.ts";
import { Http } from "./lib/http.ts";
import { measureGrowth } from "./growth/measure.ts";
import { Account, startBenched } from "./lib/product.ts";
import { measureRestore } from "./restore/measure.ts";
import { FULL, QUICK, type Sizes } from "./lib/sizes.ts";
import { table } from "./lib/table.ts";
import { measureSync } from "./sync/measure.ts";
import { countOperations } from "./operations/count.ts";

const CASES: readonly Case[] = [
  transfer,
  reading,
  smallFiles,
  commits,
  listing,
  notify,
  fanOut,
  singleStorage,
  endpointsCase,
  edits,
];
/** They start products of their own, one after the other. */
const BY_THEMSELVES = {
  replica: measureReplica,
  memory: measureMemory,
  operations: countOperations,
  growth: measureGrowth,
  restore: measureRestore,
  sync: measureSync,
};
const NAMES = [...CASES.map(({ name }) => name), ...Object.keys(BY_THEMSELVES)];
const MiB = 1024 * 1024;

const USAGE = `npm run bench [-- --only NAME]... [--quick] [--memory MIB]

  --only NAME   one of ${NAMES.join(", ")}; may be given several times
  --quick       every line once, with tiny sizes: shows that the bench runs, and measures nothing
  --memory MIB  size of the files whose memory is measured (1024); five of them, three times, stay on the disk`;

function print({ title, header, rows }: Report): void {
  console.log(`\n### ${title}\n\n${table(header, rows)}`);
}

/** Product and floor, each in a workerd process of its own. */
async function runSideBySide(cases: readonly Case[], sizes: Sizes): Promise<void> {
  const running = await startBenched(cleanUp, { observability: false });
  const floor = new Http(await startFloor(cleanUp, sizes.entries));
  const product = await Account.register(running.url, "bench");
  for (const one of cases) {
    await product.refresh();
    for (const report of await one.run({ product, floor, sizes })) print(report);
  }
  await cleanUp.run();
}

function readArguments(): { names: Set<string>; sizes: Sizes; quick: boolean } {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      quick: { type: "boolean" },
      memory: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const unknown = values.only?.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw new UsageError(`There is no "${unknown}" in the bench.\n\n${USAGE}`);
  const sizes = values.quick ? QUICK : FULL;
  const memory = values.memory === undefined ? sizes.memory : Number(values.memory) * MiB;
  if (!(memory > 0)) throw new UsageError(`"${values.memory}" is no size in MiB.\n\n${USAGE}`);
  return { names: new Set(values.only ?? NAMES), sizes: { ...sizes, memory }, quick: values.quick === true };
}

const cleanUp = new CleanUp();
exitOnSignals().onStop(() => cleanUp.run());
try {
  const { names, sizes, quick } = readArguments();
  const date = new Date().toISOString().slice(0, 10);
  const note = quick ? ", quick: no measurement" : "";
  console.log(`${date}, ${cpus().length} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB${note}`);
  const cases = CASES.filter(({ name }) => names.has(name));
  if (cases.length > 0) await runSideBySide(cases, sizes);
  for (const [name, measure] of Object.entries(BY_THEMSELVES))
    if (names.has(name)) for (const report of await measure(cleanUp, sizes)) print(report);
} catch (error) {
  printError(error);
  process.exitCode = 1;
} finally {
  await cleanUp.run();
}
// Kept connections would hold the process.
process.exit();
