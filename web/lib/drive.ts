import { Files, Gate, Http, Search, Session, Sharing, Sync, type UploadTools } from "../../client/index.ts";
import { BrowserContentStates } from "./content-states.ts";
import { xhrTransport } from "./xhr-transport.ts";

/**
 * The refresh token lies in localStorage. A script injected into the page could read it there, but just as well from
 * IndexedDB or by asking this app's own functions; the defence is that no foreign script runs here (no third-party
 * code, no HTML made of user content, a content security policy), and that the token rotates and its re-use revokes
 * the family. localStorage is synchronous and shared by tabs, which the rotation needs. The access token is in memory.
 */
const storage = window.localStorage;

/** Browsers lend `navigator.locks` to secure contexts only; without it two tabs may, rarely, sign each other out. */
const exclusively = async <T>(task: () => Promise<T>): Promise<T> =>
  (navigator.locks as LockManager | undefined)
    ? ((await navigator.locks.request("edgedrive.refresh", task)) as T)
    : task();

const platform = (): string => {
  const agent = navigator.userAgent;
  return /Android|iPhone|iPad|Macintosh|Windows|Linux/.exec(agent)?.[0] ?? "Web";
};

const http = new Http({ origin: "", transport: xhrTransport });

/** The client, wired once for this page. */
export const session = new Session({
  http,
  storage,
  device_name: `Browser on ${platform()}`,
  platform: "web",
  exclusively,
});
export const files = new Files(http);
export const sharing = new Sharing(http);
export const search = new Search(http);
export const sync = new Sync(http);

/** So that a file that is chosen again is sent as what changed. */
export const contentStates = new BrowserContentStates();

/** Five bodies in flight over all uploads: browsers open six connections to a host, and lists need one as well. */
export const uploadTools: UploadTools = {
  http,
  storage,
  gate: new Gate(5),
  device_id: () => session.device_id,
  states: contentStates,
};

/**
 * The browser streams the download itself, so no file is ever in this page's memory. It is let in by an HttpOnly
 * cookie that the API sets with every fresh token: no token is in the address.
 */
export async function download(file: Parameters<Files["download_url"]>[0] & { name: string }): Promise<void> {
  await session.fresh_token();
  const link = document.createElement("a");
  link.href = files.download_url(file);
  link.download = file.is_folder ? `${file.name}.zip` : file.name;
  link.click();
}
