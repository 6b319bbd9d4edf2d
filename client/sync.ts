import type { Change, Changes } from "../core/protocol/sync.ts";
import type { Http } from "./http.ts";

export type { Change, Changes };

/** The cursor that stands for the end of the journal: nothing that was, everything that will be. */
export const NOW = "now";

export class Sync {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** One page of the journal since the cursor, which may be {@link NOW}. Code: `cursor_expired`. */
  changes(cursor: string, signal?: AbortSignal): Promise<Changes> {
    return this.#http.json({ path: "/sync/changes", query: { cursor }, signal });
  }
}
