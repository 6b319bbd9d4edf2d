import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { inRoot, WORKERS, type WorkerProject } from "./project.ts";
import { hashSources } from "./hash-sources.ts";
import { holdLock } from "../../cli/places/lock.ts";
import { mustRun } from "./tools.ts";

type Say = (message: string) => void;

const WORKER_SOURCES = [
  "core",
  "platform",
  "durable-objects",
  "workers",
  "wrangler.toml",
  "package-lock.json",
  "tsconfig.json",
];
const WEB_SOURCES = ["core", "client", "web", "scripts/lib/build.ts", "package-lock.json"];

export type Part = "web" | "workers";

/** Builds the web app and the Workers into dist/, each only when its sources changed since the last build. */
export async function buildIfStale(say: Say = () => {}, parts: readonly Part[] = ["web", "workers"]): Promise<void> {
  mkdirSync(inRoot("dist"), { recursive: true });
  // Two copies started from one clone must not build over each other; the second finds everything done.
  const lock = await holdLock(inRoot("dist/.lock"), { wait_ms: 120_000 });
  try {
    // The web app first: bundling the API counts the assets in dist/web.
    if (parts.includes("web")) await once("web", WEB_SOURCES, ["dist/web/index.html"], say, buildWeb);
    const bundles = WORKERS.map((worker) => `${worker.dist}/index.js`);
    if (parts.includes("workers")) await once("workers", WORKER_SOURCES, bundles, say, buildWorkers);
  } finally {
    lock.release();
  }
}

const buildWorkers = async (): Promise<void> => void (await Promise.all(WORKERS.map((worker) => bundle(worker))));

async function once(
  name: Part,
  sources: string[],
  outputs: string[],
  say: Say,
  build: () => Promise<void>,
): Promise<void> {
  const stamp = inRoot(`dist/.stamp-${name}`);
  const hash = hashSources(sources.map(inRoot));
  const fresh = existsSync(stamp) && readFileSync(stamp, "utf8") === hash;
  if (fresh && outputs.every((output) => existsSync(inRoot(output)))) return;
  say(name === "web" ? "Building the web app ..." : "Building the Workers ...");
  await build();
  writeFileSync(stamp, hash);
}

/** By wrangler itself, so that what runs here is what would be deployed, polyfills and WebAssembly modules included. */
async function bundle(worker: WorkerProject): Promise<void> {
  const target = inRoot(worker.dist);
  const fresh = `${target}.new`;
  rmSync(fresh, { recursive: true, force: true });
  await mustRun("wrangler", ["deploy", "--dry-run", "--outdir", fresh, "-c", inRoot(worker.config)], {
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1" },
  });
  replace(target, fresh);
}

async function buildWeb(): Promise<void> {
  const fresh = inRoot("dist/web.new");
  await mustRun("vite", [
    "build",
    "--config",
    inRoot("web/vite.config.ts"),
    "--outDir",
    fresh,
    "--emptyOutDir",
    "--logLevel",
    "warn",
  ]);
  // The API reference page loads its viewer from here: nothing comes from a CDN.
  const viewer = `${fresh}/api-docs`;
  mkdirSync(viewer, { recursive: true });
  for (const file of ["swagger-ui.css", "swagger-ui-bundle.js"]) {
    cpSync(inRoot(`node_modules/swagger-ui-dist/${file}`), `${viewer}/${file}`);
  }
  replace(inRoot("dist/web"), fresh);
}

/** A running copy reads dist/web as it serves: it sees the old files or the new ones, for all but an instant. */
function replace(target: string, fresh: string): void {
  mkdirSync(target, { recursive: true });
  const old = `${target}.old`;
  rmSync(old, { recursive: true, force: true });
  renameSync(target, old);
  renameSync(fresh, target);
  rmSync(old, { recursive: true, force: true });
}
