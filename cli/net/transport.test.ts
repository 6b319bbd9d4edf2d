import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fetchTransport, type Sent } from "../../client/index.ts";
import { Throttle } from "./throttle.ts";
import { nodeTransport } from "./transport.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;
let handle: Handler = () => {};
const server = createServer((request, response) => void handle(request, response));
let origin: string;

beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const limits = { up: new Throttle(null), down: new Throttle(null) };
const transport = nodeTransport(limits);
const ask = (about: Partial<Sent> = {}): Sent => ({
  url: `${origin}/api/v1/x`,
  method: "GET",
  headers: {},
  body: undefined,
  signal: undefined,
  onSent: undefined,
  ...about,
});

test.each([["node", transport] as const, ["fetch", fetchTransport] as const])(
  "%s: bodies of every kind arrive with their length, and the answer is whole",
  async (_name, transport) => {
    handle = async (request, response) => {
      const body = await buffer(request);
      const { "content-length": length, "x-a": a } = request.headers;
      response.writeHead(201, { "content-type": "application/json", "x-b": "ü".normalize() === "ü" ? "1" : "" });
      response.end(JSON.stringify({ method: request.method, length, a, text: body.toString() }));
    };
    for (const body of ["text", new Uint8Array([104, 105]), new Blob(["blob"]), new Blob([])]) {
      const sent: number[] = [];
      const answer = await transport(
        ask({ method: "PUT", body, headers: { "x-a": "1" }, onSent: (bytes) => sent.push(bytes) }),
      );
      const text = typeof body === "string" ? body : await new Blob([body]).text();
      expect([answer.status, answer.headers.get("x-b")]).toEqual([201, "1"]);
      expect(await answer.json()).toEqual({ method: "PUT", length: String(text.length), a: "1", text });
    }
  },
);

test("progress is told as the body leaves", async () => {
  handle = async (request, response) => {
    await buffer(request);
    response.writeHead(204).end();
  };
  const sent: number[] = [];
  const body = new Blob([new Uint8Array(1_000_000)]);
  const answer = await transport(ask({ method: "PUT", body, onSent: (bytes) => sent.push(bytes) }));
  expect([answer.status, answer.body]).toEqual([204, null]);
  expect(sent).toEqual([262_144, 524_288, 786_432, 1_000_000]);
});

test("an answer before the end of the body is the answer", async () => {
  handle = (_request, response) => response.writeHead(413, { connection: "close" }).end("too much");
  const body = new Blob([new Uint8Array(50_000_000)]);
  const answer = await transport(ask({ method: "PUT", body }));
  expect([answer.status, await answer.text()]).toEqual([413, "too much"]);
});

test("a connection that ends in the middle of a body, or before an answer, is an error", async () => {
  handle = (_request, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("half", () => response.destroy());
  };
  const answer = await transport(ask());
  await expect(answer.text()).rejects.toThrow();
  handle = (request) => request.destroy();
  await expect(transport(ask())).rejects.toThrow();
  await expect(transport(ask({ url: "http://127.0.0.1:1/" }))).rejects.toThrow("ECONNREFUSED");
});

test("aborting ends the request, and the answer's body", async () => {
  const reason = new Error("enough");
  const before = new AbortController();
  handle = () => before.abort(reason);
  await expect(transport(ask({ signal: before.signal }))).rejects.toThrow();
  const within = new AbortController();
  handle = (_request, response) => response.writeHead(200).write("first");
  const answer = await transport(ask({ signal: within.signal }));
  within.abort(reason);
  await expect(answer.text()).rejects.toThrow();
});
