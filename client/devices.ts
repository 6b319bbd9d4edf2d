import type { Device } from "../core/protocol/auth.ts";
import type { Page } from "../core/protocol/common.ts";
import type { Http } from "./http.ts";

export type { Device };

/** Where the caller has signed in. */
export class Devices {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  list(cursor: string | null, signal?: AbortSignal): Promise<Page<Device>> {
    return this.#http.json({ path: "/devices", query: { cursor }, signal });
  }

  /** Signs it out: it cannot come back without the password. */
  remove(device_id: string): Promise<void> {
    return this.#http.done({ method: "DELETE", path: `/devices/${device_id}` });
  }
}
