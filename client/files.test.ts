import { afterEach, expect, test } from "vitest";
import { TestServer } from "../test/support/http-server.ts";
import { Files } from "./files.ts";
import { Http } from "./http.ts";

const server = new TestServer();
afterEach(() => server.stop());

test("F10: a large trash is emptied in several requests, all up to the moment of the first", async () => {
  const files = new Files(new Http({ origin: await server.start() }));
  const until = "2026-01-02T03:04:05.678Z";
  server.handler = () => (server.seen.length < 3 ? { status: 202, json: { until } } : { status: 204 });
  await files.empty_trash();
  expect(server.seen.map((s) => [s.method, s.path, s.query.get("until")])).toEqual([
    ["DELETE", "/trash", null],
    ["DELETE", "/trash", until],
    ["DELETE", "/trash", until],
  ]);
});
