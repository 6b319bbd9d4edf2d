/** Requests over node:http: unlike fetch it tells what of a body has left, and lets a limit hold it back. */
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { ReadableStream } from "node:stream/web";
import type { Sent, Transport } from "../../client/index.ts";
import type { Throttle } from "./throttle.ts";

/** A connection on which nothing moves for so long is dead. Milliseconds. */
const SILENCE_MS = 120_000;

export interface Limits {
  up: Throttle;
  down: Throttle;
}

/** Connections are kept and used again, as long as this process lives. */
export function nodeTransport({ up, down }: Limits): Transport {
  const agents = { "http:": new http.Agent({ keepAlive: true }), "https:": new https.Agent({ keepAlive: true }) };
  return async (sent) => {
    const url = new URL(sent.url);
    const protocol = url.protocol as keyof typeof agents;
    const { request } = protocol === "https:" ? https : http;
    const size = sizeOf(sent.body);
    const outgoing = request(url, {
      method: sent.method,
      headers: { ...sent.headers, ...(size !== null && { "content-length": size }) },
      agent: agents[protocol],
      ...(sent.signal && { signal: sent.signal }),
    });
    outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new Error("silence")));
    // Once there is an answer, how the sending ends is of no interest.
    outgoing.on("error", () => undefined);
    const answered = once(outgoing, "response") as Promise<[http.IncomingMessage]>;
    // It may come before all is sent, such as a refusal.
    const sending = send(outgoing, sent, up);
    await Promise.race([answered, sending.then(() => answered)]);
    const [incoming] = await answered;
    sending.catch(() => undefined);
    return responseOf(incoming, down);
  };
}

const sizeOf = (body: Sent["body"]): number | null => {
  if (body === undefined) return null;
  if (typeof body === "string") return Buffer.byteLength(body);
  return body instanceof Blob ? body.size : body.length;
};

async function send(outgoing: http.ClientRequest, { body, onSent }: Sent, up: Throttle): Promise<void> {
  if (body === undefined || typeof body === "string") {
    outgoing.end(body);
    return;
  }
  const closed = new Promise((resolve) => outgoing.once("close", resolve));
  try {
    for (let at = 0, size = sizeOf(body)!; at < size;) {
      const end = Math.min(size, at + up.piece);
      const piece =
        body instanceof Blob ? new Uint8Array(await body.slice(at, end).arrayBuffer()) : body.subarray(at, end);
      await up.take(piece.length);
      if (outgoing.destroyed) return;
      if (!outgoing.write(piece))
        await Promise.race([new Promise((resolve) => outgoing.once("drain", resolve)), closed]);
      at = end;
      onSent?.(at);
    }
    outgoing.end();
  } catch (error) {
    outgoing.destroy(error as Error);
    throw error;
  }
}

/** Answers that have no body by their nature: RFC 9110, section 6.4.1. */
const BODILESS = new Set([204, 205, 304]);

function responseOf(incoming: http.IncomingMessage, down: Throttle): Response {
  const status = incoming.statusCode ?? 0;
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2)
    headers.append(incoming.rawHeaders[i]!, incoming.rawHeaders[i + 1]!);
  const init = { status, statusText: incoming.statusMessage ?? "", headers };
  if (!BODILESS.has(status)) return new Response(ReadableStream.from(paced(incoming, down)) as BodyInit, init);
  incoming.resume();
  return new Response(null, init);
}

async function* paced(incoming: http.IncomingMessage, down: Throttle): AsyncGenerator<Uint8Array> {
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    await down.take(piece.length);
    yield piece;
  }
}
