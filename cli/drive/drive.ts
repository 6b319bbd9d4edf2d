import { hostname, platform } from "node:os";
import { join } from "node:path";
import {
  Devices,
  Files,
  Gate,
  Http,
  type KeyValueStorage,
  Search,
  Session,
  Sharing,
  Sync,
  type UploadTools,
} from "../../client/index.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { Throttle } from "../net/throttle.ts";
import { type Limits, nodeTransport } from "../net/transport.ts";
import type { Output } from "../output/output.ts";
import { stateDirectory } from "../places/directories.ts";
import { KeptItems } from "../places/kept-items.ts";
import { KeptStates } from "../places/kept-states.ts";
import { holdLock } from "../places/lock.ts";
import { readSettings } from "../places/settings.ts";
import { nodeRuntime } from "./runtime.ts";

/** The server that was signed in to last. */
const SERVER = "edgedrive.server";
/** A refresh takes a second at most, retries apart. */
const REFRESH_WAIT_MS = 60_000;

/** Bodies in flight over all uploads: what the server takes of one person at once. */
const IN_FLIGHT = 5;

/** The client, wired for this process. */
export interface Drive {
  origin: string;
  http: Http;
  limits: Limits;
  session: Session;
  files: Files;
  sharing: Sharing;
  search: Search;
  sync: Sync;
  devices: Devices;
  uploads: UploadTools;
}

/** What is kept of one server is not told to another. */
const keptOf = (items: KeyValueStorage, origin: string): KeyValueStorage => ({
  getItem: (key) => items.getItem(`${origin}\n${key}`),
  setItem: (key, value) => items.setItem(`${origin}\n${key}`, value),
  removeItem: (key) => items.removeItem(`${origin}\n${key}`),
});

const sayTo = (out: Output) => (message: string) => out.note(message);

const itemsIn = (name: string, out: Output): KeptItems => new KeptItems(join(stateDirectory(), name), sayTo(out));

export const rememberServer = (origin: string, out: Output): void => itemsIn("tokens", out).setItem(SERVER, origin);

/** Nobody need be signed in. */
export function connectTo(origin: string, out: Output): Drive {
  const { limit_up, limit_down } = readSettings();
  const limits: Limits = { up: new Throttle(limit_up ?? null), down: new Throttle(limit_down ?? null) };
  const http = new Http({ origin, transport: nodeTransport(limits) });
  const session = new Session({
    http,
    storage: keptOf(itemsIn("tokens", out), origin),
    device_name: readSettings().device_name ?? hostname(),
    platform: platform(),
    exclusively: exclusivelyHere,
  });
  const uploads: UploadTools = {
    http,
    storage: keptOf(itemsIn("uploads", out), origin),
    gate: new Gate(IN_FLIGHT),
    device_id: () => session.device_id,
    states: new KeptStates(join(stateDirectory(), "states")),
    runtime: nodeRuntime,
  };
  return {
    origin,
    http,
    limits,
    session,
    files: new Files(http),
    sharing: new Sharing(http),
    search: new Search(http),
    sync: new Sync(http),
    devices: new Devices(http),
    uploads,
  };
}

const SIGNED_OUT = "You are signed out. Sign in with `edgedrive login`.";

/** As whoever signed in last, without asking the server whether that still holds. @throws CliError when nobody did */
export function knownDrive(out: Output): Drive {
  const origin = itemsIn("tokens", out).getItem(SERVER);
  const drive = origin === null ? null : connectTo(origin, out);
  if (drive === null || drive.session.user === null) throw new CliError(EXIT.signed_out, SIGNED_OUT);
  return drive;
}

/** As whoever is signed in. @throws CliError when nobody is, NetworkError when offline */
export async function openDrive(out: Output): Promise<Drive> {
  const drive = knownDrive(out);
  if ((await drive.session.fresh_token()) === null) throw new CliError(EXIT.signed_out, SIGNED_OUT);
  return drive;
}

/** docs/spec/cli.md, CLI6: using a refresh token twice would end the sign-in. */
async function exclusivelyHere<T>(task: () => Promise<T>): Promise<T> {
  const lock = await holdLock(join(stateDirectory(), "refresh.lock"), { wait_ms: REFRESH_WAIT_MS });
  try {
    return await task();
  } finally {
    lock.release();
  }
}
