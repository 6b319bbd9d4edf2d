import { CURSOR_NOW, type Change, type Changes } from "../core/protocol/sync.ts";
import type { Http } from "./http.ts";

export { CURSOR_NOW, type Change, type Changes };

export class Sync {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** One page of the journal since the cursor, which may be {@link CURSOR_NOW}. Code: `cursor_expired`. */
  changes(cursor: string, signal?: AbortSignal): Promise<Changes> {
    return this.#http.json({ path: "/sync/changes", query: { cursor }, signal });
  }
}
