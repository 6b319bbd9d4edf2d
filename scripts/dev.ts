import { join } from "node:path";
import { Miniflare, type V4WorkerOptions } from "miniflare";
import { buildIfStale } from "./lib/build.ts";
import { exitOnSignals, localVars, printError, readPlace } from "./lib/cli.ts";
import { takeDataDir, type DataDir } from "./lib/data-dir.ts";
import { migrateAll } from "./lib/migrate.ts";
import { freePort, requireFreePort } from "./lib/ports.ts";
import { API, inRoot, WORKERS } from "./lib/project.ts";
import { waitUntilReady } from "./lib/readiness.ts";
import { d1Only } from "./lib/runtime-options.ts";
import { localSecrets } from "./lib/secrets.ts";
import { startTool } from "./lib/tools.ts";
import { readWorkerOptions, requiredSecrets } from "./lib/worker-config.ts";

const USAGE = `npm run dev [-- --port N] [--data DIR]

  As npm start, on the same data, from the sources: Workers and web app are built anew when a file changes.`;

/** Beside the first build, whose other files (the API reference's viewer) stay. */
const VITE_WATCH = ["--watch", "--outDir", inRoot("dist/web"), "--emptyOutDir", "false", "--logLevel", "warn"];

try {
  const place = readPlace(USAGE);
  const signals = exitOnSignals();
  const data = await takeDataDir(place.data);
  await requireFreePort(place.port, "127.0.0.1");
  await buildIfStale(console.log, ["web"]);
  await migrate(data);

  const port = place.port || (await freePort("127.0.0.1"));
  const url = `http://127.0.0.1:${port}`;
  const wrangler = startTool("wrangler", wranglerArguments(data, port), {
    detached: true,
    env: wranglerEnvironment(data),
  });
  const vite = startTool("vite", ["build", "--config", inRoot("web/vite.config.ts"), ...VITE_WATCH]);
  data.record(
    [wrangler.pid, vite.pid].flatMap((pid) => pid ?? []),
    url,
  );
  signals.onStop(async () => {
    vite.kill("SIGTERM");
    // The group: wrangler's own children as well.
    process.kill(-wrangler.pid!, "SIGTERM");
    await new Promise((resolve) => wrangler.once("exit", resolve));
    data.release();
  });
  wrangler.once("exit", (code) => process.exit(code ?? 1));
  await waitUntilReady(url);
  console.log(`\n  Edgedrive is ready, from the sources: ${url}\n  Stop: Ctrl-C\n`);
} catch (error) {
  printError(error);
  process.exit(1);
}

/** wrangler applies migrations one database and two seconds at a time; the state is the same, so do it in one go. */
async function migrate(data: DataDir): Promise<void> {
  const d1Databases = readWorkerOptions(API).d1Databases as V4WorkerOptions["d1Databases"];
  const mf = new Miniflare(d1Only(API.name, d1Databases, data.state));
  await migrateAll(mf, API.name, console.log);
  await mf.dispose();
}

/** One session over all three: shared state, queues and objects across Workers; the API listens. */
function wranglerArguments(data: DataDir, port: number): string[] {
  const vars = Object.entries(localVars()).map(([name, value]) => `${name}:${value}`);
  return [
    "dev",
    ...WORKERS.flatMap(({ config }) => ["-c", config]),
    "--persist-to",
    join(data.path, "state"),
    "--ip",
    "127.0.0.1",
    "--port",
    String(port),
    "--inspector-port",
    "0",
    ...vars.flatMap((pair) => ["--var", pair]),
    "--show-interactive-dev-session=false",
  ];
}

/** Secrets reach every Worker of a session only as environment. The rest keeps wrangler local, quiet and quick. */
function wranglerEnvironment(data: DataDir): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...localSecrets(data.path, requiredSecrets()),
    X_LOCAL_OBSERVABILITY: "false",
    X_LOCAL_EXPLORER: "false",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_LOG: "warn",
    WRANGLER_LOG_PATH: join(data.path, "logs"),
    WRANGLER_REGISTRY_PATH: join(data.path, "registry"),
    CI: "1",
  };
}
