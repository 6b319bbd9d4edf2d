import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inRoot } from "../../scripts/lib/project.ts";
import { isRunning, type ProcessId } from "../../scripts/lib/processes.ts";
import { waitFor } from "./wait-for.ts";

export type SpawnedProduct = {
  process: ChildProcess;
  url: string;
  /** Everything printed so far. */
  output(): string;
  /** Code and signal of the process itself. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** The product's own process and its workerd, as the pid file names them. */
  processes(): { self: ProcessId; children: ProcessId[] };
};

/** A data directory of its own, removed when the returned object is disposed of. */
export function temporaryData(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "edgedrive-e2e-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs `npm start`'s script as a process of its own and waits for its address. @throws what it printed, if it ended. */
export async function spawnProduct(data: string, args: string[] = ["--port", "0"]): Promise<SpawnedProduct> {
  const { child, output, exited } = spawnStart(data, args);
  const ended = exited.then(({ code }) => Promise.reject(new Error(`ended with code ${code}:\n${output()}`)));
  const address = waitFor(() => /Open\s+(http:\S+)/.exec(output())?.[1], 60_000);
  const url = await Promise.race([address, ended]);
  ended.catch(() => {});
  return { process: child, url, output, exited, processes: () => readPidFile(data) };
}

/** Runs it to its end. */
export async function runStart(data: string, args: string[]): Promise<{ code: number | null; output: string }> {
  const { output, exited } = spawnStart(data, args);
  const { code } = await exited;
  return { code, output: output() };
}

/** Ends a product that a test left running, workerd included. */
export async function endProduct({ process: child, exited }: SpawnedProduct): Promise<void> {
  child.kill("SIGTERM");
  await exited;
}

/** `kill -9` of the runtime; it is back, and answers, when this resolves. */
export async function killRuntime({ data, url }: { data: string; url: string }): Promise<void> {
  const before = new Set(readPidFile(data).children.map(({ pid }) => pid));
  for (const pid of before) process.kill(pid, "SIGKILL");
  const isBack = (): boolean => {
    const now = readPidFile(data).children;
    return now.length > 0 && now.every(({ pid }) => !before.has(pid));
  };
  const isReady = async (): Promise<boolean> => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok ?? false;
  await waitFor(async () => isBack() && (await isReady()), 30_000);
}

export const readPidFile = (data: string): ReturnType<SpawnedProduct["processes"]> =>
  JSON.parse(readFileSync(join(data, "pid"), "utf8")) as ReturnType<SpawnedProduct["processes"]>;

export const allGone = (processes: ProcessId[]): boolean => !processes.some(isRunning);

function spawnStart(data: string, args: string[]) {
  const child = spawn(process.execPath, [inRoot("scripts/start.ts"), "--data", data, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => (text += part));
  const exited = once(child, "close").then(([code, signal]) => ({ code, signal }) as Awaited<SpawnedProduct["exited"]>);
  return { child, output: () => text, exited };
}
