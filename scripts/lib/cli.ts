import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { inRoot } from "./project.ts";
import { LOCAL_DEFAULTS } from "./secrets.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Stopping must be over within two seconds; what is left then is killed by the exit hooks. */
const STOP_MS = 1_500;

/** Errors whose message says all that a user needs; anything else is a defect and shows its stack. */
const EXPECTED = new Set([
  "DataDirBusyError",
  "PortBusyError",
  "MasterKeysError",
  "NotReadyError",
  "ToolError",
  "UsageError",
  "SecretUnknownError",
  "OperatorError",
]);

/** The command line cannot be read, or asks for what is not there. */
export class UsageError extends Error {
  override name = "UsageError";
}

export function printError(error: unknown): void {
  const expected = error instanceof Error && (EXPECTED.has(error.name) || isParseArgsError(error));
  console.error(expected ? error.message : error);
}

/** As thrown by `parseArgs` of node:util. */
const isParseArgsError = (error: NodeJS.ErrnoException): boolean => error.code?.startsWith("ERR_PARSE_ARGS") === true;

/**
 * Ends this process with code 0 on SIGINT, SIGTERM and SIGHUP, and when the bootstrap that started it is gone (killed
 * with -9 it can pass nothing on), after what `onStop` was given has run.
 */
export function exitOnSignals(): { onStop(stop: () => Promise<void>): void } {
  let stop = async (): Promise<void> => {};
  let ending = false;
  const end = async (): Promise<void> => {
    if (ending) return;
    ending = true;
    await Promise.race([stop().catch(printError), sleep(STOP_MS)]);
    process.exit(0);
  };
  for (const signal of SIGNALS) process.on(signal, end);
  keepSignals(end);

  const launcher = process.ppid;
  if (process.env.EDGEDRIVE_LAUNCHER === String(launcher)) {
    setInterval(() => void (process.ppid !== launcher && end()), 500).unref();
  }
  return { onStop: (work) => (stop = work) };
}

/** Miniflare answers signals with process.exit at once, which would cut our stop short and lose the exit code. */
function keepSignals(own: (...args: never[]) => unknown): void {
  const names = new Set<string | symbol>(SIGNALS);
  process.on("newListener", (event, listener) => {
    if (!names.has(event) || listener === own) return;
    queueMicrotask(() => process.removeListener(event, listener as () => void));
  });
}

/** `--port N --data DIR`, or the usage on `--help`. @throws UsageError */
export function readPlace(usage: string): { port: number; data: string } {
  const { values } = parseArgs({
    options: { port: { type: "string" }, data: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const port = Number(values.port ?? 8787);
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || values.port === "") {
    throw new UsageError(`--port wants a number from 0 to 65535, and not "${values.port}".`);
  }
  return { port, data: values.data ?? inRoot(".data") };
}

/** The local defaults, or what the environment says under the same names. */
export function localVars(): Record<string, string> {
  return Object.fromEntries(Object.entries(LOCAL_DEFAULTS).map(([name, value]) => [name, process.env[name] || value]));
}
