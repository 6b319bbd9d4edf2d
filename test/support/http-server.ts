import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  /** The body read as JSON. */
  json(): unknown;
  body: Uint8Array;
}
export type Answer = { status: number; json?: unknown; headers?: Record<string, string> } | "drop";
export type Handler = (request: Seen) => Answer | Promise<Answer>;

export const problem = (status: number, code: string, extra: Record<string, unknown> = {}): Answer => ({
  status,
  json: {
    type: `urn:edgedrive:${code}`,
    title: code,
    status,
    code,
    detail: `It is ${code}.`,
    request_id: "r1",
    ...extra,
  },
});

/** A real HTTP server on loopback for tests of clients: it sees whole requests, and can drop a connection. */
export class TestServer {
  readonly seen: Seen[] = [];
  handler: Handler = () => ({ status: 204 });
  readonly #server: Server = createServer((request, response) => {
    // A client that goes away in the middle of its body is a case of the tests, not a failure of the server.
    this.#serve(request, response).catch(() => response.destroy());
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const piece of request) pieces.push(piece as Uint8Array);
    const body = Buffer.concat(pieces);
    const url = new URL(request.url ?? "/", "http://test");
    const seen: Seen = {
      method: request.method ?? "",
      path: url.pathname.replace("/api/v1", ""),
      query: url.searchParams,
      headers: request.headers,
      body,
      json: () => JSON.parse(body.toString()) as unknown,
    };
    this.seen.push(seen);
    const answer = await this.handler(seen);
    if (answer === "drop") return void response.destroy();
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(answer.json === undefined ? undefined : JSON.stringify(answer.json));
  }
}
