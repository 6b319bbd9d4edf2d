import { parseArgs } from "node:util";
import { exitOnSignals, printError, UsageError } from "./lib/cli.ts";
import { inRoot } from "./lib/project.ts";
import { startProduct } from "./lib/start-product.ts";

const USAGE = `npm start [-- --port N] [--data DIR]

  --port N     port on 127.0.0.1 (default 8787; 0: any free one)
  --data DIR   where everything is kept (default .data)

REGISTRATION=open|invite|closed and DEFAULT_PLAN=standard|generous in the environment change the local settings.`;

/** Variables that may be given in the environment. */
const FROM_ENVIRONMENT = ["REGISTRATION", "DEFAULT_PLAN"];

try {
  const { port, data } = readArguments();
  const started = performance.now();
  const signals = exitOnSignals();
  const product = await startProduct({ port, data, vars: environment(), say: (message) => console.log(message) });
  signals.onStop(product.stop);
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  console.log(`
  Edgedrive is ready (${seconds} s)

    Open    ${product.url}
    Data    ${product.data}
    Stop    Ctrl-C, or kill ${process.pid}
`);
} catch (error) {
  printError(error);
  process.exit(1);
}

function readArguments(): { port: number; data: string } {
  const { values } = parseArgs({
    options: { port: { type: "string" }, data: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const port = Number(values.port ?? 8787);
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || values.port === "") {
    throw new UsageError(`--port wants a number from 0 to 65535, and not "${values.port}".`);
  }
  return { port, data: values.data ?? inRoot(".data") };
}

function environment(): Record<string, string> {
  const given = FROM_ENVIRONMENT.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(given.filter((pair): pair is [string, string] => Boolean(pair[1])));
}
