import type { Change, Changes } from "../core/protocol/sync.ts";
import type { Http } from "./http.ts";

export type { Change, Changes };

export class Sync {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** One page of the journal since the cursor; without one from the beginning. Code: `cursor_expired`. */
  changes(cursor: string | null, signal?: AbortSignal): Promise<Changes> {
    return this.#http.json({ path: "/sync/changes", query: { cursor }, signal });
  }
}
