// Runs a TypeScript script of this project from a bare machine: `node scripts/bootstrap.mjs <script.ts> [args]`.
//
// Plain JavaScript on purpose: it must run on Node 20, before anything is installed. It installs what the lock file
// says when that changed, finds a Node that the toolchain accepts, and hands over: arguments, terminal, signals and
// exit code pass through.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const stamp = join(modules, ".edgedrive-lock");

const [script, ...args] = process.argv.slice(2);
if (!script) fail("usage: node scripts/bootstrap.mjs <script.ts> [args]");

installIfChanged();
run(findNode());

/** `npm ci` when node_modules is missing or holds something else than the lock file says. */
function installIfChanged() {
  const text = readFileSync(join(root, "package-lock.json"), "utf8");
  const hash = createHash("sha256").update(text).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  // Installed by hand (`npm install something`): npm's own record in node_modules says so.
  if (isInstalled(JSON.parse(text).packages)) return writeFileSync(stamp, hash);
  process.stderr.write("Installing packages (once per change of package-lock.json) ...\n");
  const npm = npmCommand();
  const done = spawnSync(npm.file, [...npm.args, "ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    // Reports go to stderr, so that the output of the script itself stays clean.
    stdio: ["ignore", 2, 2],
    shell: npm.shell,
  });
  if (done.status !== 0) fail("npm ci failed: see the messages above.", done.status ?? 1);
  writeFileSync(stamp, hash);
}

/** Optional packages are left out: those of other systems are in the lock file only. */
function isInstalled(locked) {
  const record = join(modules, ".package-lock.json");
  if (!existsSync(record)) return false;
  const { packages } = JSON.parse(readFileSync(record, "utf8"));
  return Object.entries(locked).every(
    ([path, { version, optional }]) => path === "" || optional || packages[path]?.version === version,
  );
}

/** The npm that called us (`npm_execpath`), else the one on PATH, which on Windows is a shell script. */
function npmCommand() {
  const caller = process.env.npm_execpath;
  if (caller?.endsWith("npm-cli.js")) return { file: process.execPath, args: [caller], shell: false };
  return { file: "npm", args: [], shell: process.platform === "win32" };
}

/** Wrangler wants Node >= 22.12; the scripts want type stripping without a flag. Else the Node from the lock file. */
function findNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if ((major > 22 || (major === 22 && minor >= 12)) && process.features.typescript) return process.execPath;
  const platform = process.platform === "win32" ? "win" : process.platform;
  const packaged = join(modules, `node-${platform}-${process.arch}`, "bin", platform === "win" ? "node.exe" : "node");
  if (existsSync(packaged)) return packaged;
  fail(`Node ${process.versions.node} is too old, and there is no packaged one for this system. Install Node 24.`);
}

function run(node) {
  const child = spawn(node, ["--disable-warning=ExperimentalWarning", resolve(root, script), ...args], {
    stdio: "inherit",
    env: {
      ...process.env,
      PATH: [dirname(node), join(modules, ".bin"), process.env.PATH].join(delimiter),
      EDGEDRIVE_LAUNCHER: String(process.pid),
    },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));

  // npm killed with -9 takes nobody with it, and with it the user's handle on us is gone: end.
  const before = npmAbove();
  if (before) setInterval(() => npmAbove() !== before && child.kill("SIGTERM"), 500).unref();

  child.on("error", (error) => fail(`${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** The npm that runs us, as a number of a process; its shell may stand between. Nothing when npm did not start us. */
function npmAbove() {
  if (!process.env.npm_lifecycle_event) return undefined;
  try {
    // proc(5): "pid (command) state ppid ...".
    const [, command, parent] = /\((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${process.ppid}/stat`, "utf8")) ?? [];
    return /^(ba|da|z|a)?sh$/.test(command ?? "") ? `${process.ppid} of ${parent}` : String(process.ppid);
  } catch {
    return String(process.ppid);
  }
}

/** @returns {never} */
function fail(message, code = 1) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
