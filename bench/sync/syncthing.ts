/** The peer: two Syncthing of this machine over loopback, told to look at once and to nobody else. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../scripts/lib/ports.ts";
import type { CleanUp } from "../lib/clean-up.ts";
import { waitUntil } from "../lib/wait-until.ts";
import type { Pair } from "./pair.ts";

const FOLDER = "bench";

interface Node {
  folder: string;
  id: string;
  address: string;
  rest<T>(method: string, path: string, json?: object): Promise<T>;
}

/** @returns null where it is not installed (Debian: `apt-get install syncthing`) */
export function syncthingVersion(): string | null {
  try {
    return execFileSync("syncthing", ["--version"], { encoding: "utf8" }).split(" ")[1] ?? null;
  } catch {
    return null;
  }
}

async function startNode(cleanUp: CleanUp, place: string): Promise<Node> {
  const [home, folder] = [join(place, "home"), join(place, "folder")];
  for (const directory of [home, folder]) mkdirSync(directory, { recursive: true });
  execFileSync("syncthing", ["generate", `--home=${home}`, "--no-default-folder", "--skip-port-probing"], {
    stdio: "ignore",
  });
  const [gui, port] = [await freePort("127.0.0.1"), await freePort("127.0.0.1")];
  const address = `tcp://127.0.0.1:${port}`;
  const config = readFileSync(join(home, "config.xml"), "utf8");
  const key = /<apikey>(.*)<\/apikey>/.exec(config)?.[1] as string;
  const id = /<device id="([^"]+)"/.exec(config)?.[1] as string;
  const child = spawn(
    "syncthing",
    ["serve", `--home=${home}`, "--no-browser", "--no-restart", "--no-upgrade", `--gui-address=127.0.0.1:${gui}`],
    { stdio: "ignore", env: { ...process.env, STNOUPGRADE: "1" } },
  );
  cleanUp.defer(() => stop(child));
  const rest = async <T>(method: string, path: string, json?: object): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${gui}/rest/${path}`, {
      method,
      headers: { "x-api-key": key, "content-type": "application/json" },
      ...(json && { body: JSON.stringify(json) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`syncthing: ${method} ${path}: ${answer.status} ${text}`);
    return (text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text) as T;
  };
  await waitUntil("syncthing answers", 30_000, () =>
    rest("GET", "system/ping").then(
      () => true,
      () => false,
    ),
  );
  await rest("PATCH", "config/options", {
    listenAddresses: [address],
    globalAnnounceEnabled: false,
    localAnnounceEnabled: false,
    relaysEnabled: false,
    natEnabled: false,
    urAccepted: -1,
    crashReportingEnabled: false,
    reconnectionIntervalS: 1,
  });
  return { folder, id, address, rest };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

export async function startSyncthing(cleanUp: CleanUp, place: string): Promise<Pair> {
  const nodes = [await startNode(cleanUp, join(place, "a")), await startNode(cleanUp, join(place, "b"))] as const;
  for (const [own, other] of [nodes, nodes.toReversed() as unknown as typeof nodes]) {
    await own.rest("POST", "config/devices", {
      deviceID: other.id,
      name: "other",
      addresses: [other.address],
      compression: "metadata",
    });
    await own.rest("POST", "config/folders", {
      id: FOLDER,
      path: own.folder,
      devices: [{ deviceID: own.id }, { deviceID: other.id }],
      fsWatcherEnabled: true,
      // The shortest that it takes.
      fsWatcherDelayS: 1,
    });
  }
  const [first, second] = nodes;
  const isConnected = async (): Promise<boolean> => {
    const { connections } = await first.rest<{ connections: Record<string, { connected: boolean }> }>(
      "GET",
      "system/connections",
    );
    return connections[second.id]?.connected === true;
  };
  await waitUntil("syncthing connects", 60_000, isConnected);
  const isIdle = async ({ rest }: Node): Promise<boolean> =>
    (await rest<{ state: string }>("GET", `db/status?folder=${FOLDER}`)).state === "idle";
  await waitUntil("syncthing is idle", 60_000, async () => (await isIdle(first)) && (await isIdle(second)));
  return {
    name: `Syncthing ${syncthingVersion()}`,
    folders: [first.folder, second.folder],
    sent: async () =>
      (await first.rest<{ total: { outBytesTotal: number } }>("GET", "system/connections")).total.outBytesTotal,
  };
}
