import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inRoot, ROOT } from "./project.ts";

type RunOptions = { cwd?: string; stdio?: StdioOptions; env?: NodeJS.ProcessEnv; input?: string };
type Output = { code: number; stdout: string; stderr: string };

const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** Arguments for `node` that run a package's command: no shell and no shim in between, so a signal reaches the tool. */
export function toolCommand(tool: string, args: readonly string[]): string[] {
  const directory = inRoot(`node_modules/${tool === "tsc" ? "typescript" : tool}`);
  const { bin } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
    bin: string | Record<string, string>;
  };
  const entry = typeof bin === "string" ? bin : bin[tool];
  if (!entry) throw new Error(`the package ${tool} has no command of its name`);
  return [join(directory, entry), ...args];
}

export function startTool(
  tool: string,
  args: readonly string[],
  options: RunOptions & { detached?: boolean } = {},
): ChildProcess {
  const child = spawn(process.execPath, toolCommand(tool, args), { cwd: ROOT, stdio: "inherit", ...options });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Runs to the end with the terminal attached. @returns its exit code; 1 when a signal ended it. */
export async function runTool(tool: string, args: readonly string[], options: RunOptions = {}): Promise<number> {
  const child = startTool(tool, args, options);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** Runs to the end and returns what it printed, for tools whose output matters only when they fail. */
export async function captureTool(tool: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const child = startTool(tool, args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  child.stdin?.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, ...output }));
  });
}

export class ToolError extends Error {
  override name = "ToolError";
}

/** As {@link captureTool}. @throws ToolError with everything it printed when it fails. */
export async function mustRun(tool: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await captureTool(tool, args, options);
  if (code === 0) return stdout;
  throw new ToolError(`${tool} ${args.join(" ")} failed with code ${code}\n${stdout}${stderr}`);
}
