import { type SnapshotLine, SNAPSHOT_MEDIA_TYPE, snapshotLineSchema } from "../core/protocol/snapshot.ts";
import { CONTENT_HEAD_BYTES, CURSOR_NOW, type Change, type Changes, NO_CONTENT } from "../core/protocol/sync.ts";
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

  /**
   * Bytes of small versions, as they come: `CONTENTS_MAX` says how many and how large. What does not come is to be
   * downloaded by itself. Throws `NetworkError` when the answer breaks off.
   */
  async *contents(
    items: readonly { file_id: string; version_id: string }[],
    signal?: AbortSignal,
  ): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
    const { body } = await this.#http.request({ method: "POST", path: "/sync/contents", json: { items }, signal });
    let rest = new Uint8Array(0);
    let left = items.length;
    try {
      for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
        const bytes = new Uint8Array(rest.length + piece.length);
        bytes.set(rest);
        bytes.set(piece, rest.length);
        let at = 0;
        for (; at + CONTENT_HEAD_BYTES <= bytes.length; left -= 1) {
          const view = new DataView(bytes.buffer, at, CONTENT_HEAD_BYTES);
          const [index, length] = [view.getUint32(0), view.getUint32(4)];
          const from = at + CONTENT_HEAD_BYTES;
          if (length === NO_CONTENT) at = from;
          else if (from + length > bytes.length) break;
          else {
            at = from + length;
            yield { index, bytes: bytes.slice(from, at) };
          }
        }
        rest = bytes.slice(at);
      }
    } catch (cause) {
      signal?.throwIfAborted();
      throw new NetworkError(cause);
    }
    if (left > 0) throw new NetworkError(new Error("the answer is cut"));
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
