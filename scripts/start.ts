import { exitOnSignals, localVars, printError, readPlace } from "./lib/cli.ts";
import { startProduct } from "./lib/start-product.ts";

const USAGE = `npm start [-- --port N] [--data DIR]

  --port N     port on 127.0.0.1 (default 8787; 0: any free one)
  --data DIR   where everything is kept (default .data)

REGISTRATION=open|invite|closed and DEFAULT_PLAN=standard|generous in the environment change the local settings.`;

try {
  const { port, data } = readPlace(USAGE);
  const started = performance.now();
  const signals = exitOnSignals();
  const product = await startProduct({ port, data, vars: localVars(), say: (message) => console.log(message) });
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
