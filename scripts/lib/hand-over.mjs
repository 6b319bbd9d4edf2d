// Hands a TypeScript program of this project to a Node that can run it. Plain JavaScript: it must run on Node 20.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const modules = join(root, "node_modules");

/** Wrangler wants Node >= 22.12; the scripts want type stripping without a flag. Else the Node from the lock file. */
function findNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if ((major > 22 || (major === 22 && minor >= 12)) && process.features.typescript) return process.execPath;
  const platform = process.platform === "win32" ? "win" : process.platform;
  const packaged = join(modules, `node-${platform}-${process.arch}`, "bin", platform === "win" ? "node.exe" : "node");
  if (existsSync(packaged)) return packaged;
  fail(`Node ${process.versions.node} is too old, and there is no packaged one for this system. Install Node 24.`);
}

/** Arguments, terminal, signals and exit code pass through. @returns the running program */
export function handOver(script, args) {
  const node = findNode();
  const child = spawn(node, ["--disable-warning=ExperimentalWarning", resolve(root, script), ...args], {
    stdio: "inherit",
    env: {
      ...process.env,
      PATH: [dirname(node), join(modules, ".bin"), process.env.PATH].join(delimiter),
      EDGEDRIVE_LAUNCHER: String(process.pid),
    },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
  return child;
}

/** @returns {never} */
export function fail(message, code = 1) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
