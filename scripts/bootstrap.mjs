// Runs a TypeScript script of this project from a bare machine: `node scripts/bootstrap.mjs <script.ts> [args]`.
//
// Plain JavaScript on purpose: it must run on Node 20, before anything is installed. It installs what the lock file
// says when that changed, finds a Node that the toolchain accepts, and hands over: arguments, terminal, signals and
// exit code pass through.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, handOver, modules, root } from "./lib/hand-over.mjs";

const stamp = join(modules, ".edgedrive-lock");

const [script, ...args] = process.argv.slice(2);
if (!script) fail("usage: node scripts/bootstrap.mjs <script.ts> [args]");

installIfChanged();
run();

/** `npm ci` when node_modules is missing or holds something else than the lock file says. */
function installIfChanged() {
  const text = readFileSync(join(root, "package-lock.json"), "utf8");
  const hash = createHash("sha256").update(text).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  // Installed by hand (`npm install something`): npm's own record in node_modules says so.
  if (isInstalled(JSON.parse(text).packages)) return writeFileSync(stamp, hash);
  // `npm ci` would empty it there, under whoever runs from it.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink())
    fail("node_modules is a link to packages of another lock file: run `npm ci` there, or remove the link.");
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

function run() {
  const child = handOver(script, args);
  // npm killed with -9 takes nobody with it, and with it the user's handle on us is gone: end.
  const before = npmAbove();
  if (before) setInterval(() => npmAbove() !== before && child.kill("SIGTERM"), 500).unref();
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
