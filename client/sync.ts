import { type SnapshotLine, SNAPSHOT_MEDIA_TYPE, snapshotLineSchema } from "../core/protocol/snapshot.ts";
import { CURSOR_NOW, type Change, type Changes } from "../core/protocol/sync.ts";
import { jittered, pause } from "./backoff.ts";
import { ApiError, NetworkError } from "./errors.ts";
import type { Http } from "./http.ts";

export { CURSOR_NOW, type Change, type Changes, type SnapshotLine };

export interface SnapshotRequest {
  /** One item with all below it; without it all that the caller sees. */
  folder_id?: string;
  /** Of the last `page` line of a stream that broke. */
  after?: string;
  signal?: AbortSignal;
}

/** Breaks in a row without a page between them. */
const BREAKS = 5;
const BACKOFF_MAX_MS = 20_000;

export class Sync {
  readonly #http: Http;
  readonly #backoff_ms: number;

  constructor(http: Http, backoff_ms = 400) {
    this.#http = http;
    this.#backoff_ms = backoff_ms;
  }

  /** One page of the journal since the cursor, which may be {@link CURSOR_NOW}; null: from its beginning. Code: `cursor_expired`. */
  changes(cursor: string | null, signal?: AbortSignal): Promise<Changes> {
    return this.#http.json({ path: "/sync/changes", query: { cursor }, signal });
  }

  /**
   * All lines up to `end`, with which alone it is whole. A stream that breaks is taken up behind its last page, so a file
   * may come twice. Throws `NetworkError` when it breaks again and again.
   */
  async *snapshot({ folder_id, after, signal }: SnapshotRequest = {}): AsyncGenerator<SnapshotLine> {
    let place = after;
    for (let breaks = 0; ; breaks++) {
      try {
        for await (const line of this.#lines({ folder_id, after: place }, signal)) {
          yield line;
          if (line.type === "end") return;
          if (line.type === "page") [place, breaks] = [line.after, 0];
        }
        throw new Error("the stream has no end");
      } catch (cause) {
        if (signal?.aborted || cause instanceof ApiError || cause instanceof NetworkError) throw cause;
        if (breaks >= BREAKS) throw new NetworkError(cause);
      }
      await pause(jittered(breaks, this.#backoff_ms, BACKOFF_MAX_MS), signal);
    }
  }

  async *#lines(
    query: { folder_id: string | undefined; after: string | undefined },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<SnapshotLine> {
    const headers = { accept: SNAPSHOT_MEDIA_TYPE };
    const { body } = await this.#http.request({ path: "/sync/snapshot", query, headers, signal });
    if (body === null) return;
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const lines = (rest + value).split("\n");
        rest = lines.pop() as string;
        for (const line of lines) yield snapshotLineSchema.parse(JSON.parse(line));
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }
}
