import { afterEach, beforeEach, expect, test } from "vitest";
import { ApiError, NetworkError } from "./errors.ts";
import { Http } from "./http.ts";
import { problem, TestServer } from "../test/support/http-server.ts";

const server = new TestServer();
let http: Http;

beforeEach(async () => {
  server.seen.length = 0;
  http = new Http({ origin: await server.start(), backoff_ms: 1 });
});
afterEach(() => server.stop());

test("a problem document becomes an ApiError with code, detail, request id and its other members", async () => {
  server.handler = () => problem(409, "name_taken", { file_id: "f1" });
  const error = await http.json({ path: "/files/x" }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 409, code: "name_taken", detail: "It is name_taken.", request_id: "r1" });
  expect((error as ApiError).extra).toEqual({ file_id: "f1" });
  expect(server.seen).toHaveLength(1);
});

test("an answer that is no problem document still becomes an ApiError", async () => {
  server.handler = () => ({ status: 400, json: ["not", "a", "problem"] });
  await expect(http.json({ path: "/x" })).rejects.toMatchObject({ status: 400, code: "unavailable" });
});

test("a dropped connection and 429, 502, 503, 504 are tried again with the same idempotency key", async () => {
  const answers = [
    "drop",
    problem(429, "rate_limited"),
    problem(502, "x"),
    problem(503, "x"),
    { status: 200, json: 7 },
  ] as const;
  server.handler = () => answers[server.seen.length - 1] ?? "drop";
  expect(await http.json({ method: "POST", path: "/folders", json: { name: "a" } })).toBe(7);
  const keys = new Set(server.seen.map((s) => s.headers["idempotency-key"]));
  expect(server.seen).toHaveLength(5);
  expect(keys.size).toBe(1);
  expect([...keys][0]).toMatch(/^[\w-]{20,}$/);
});

test("two requests never share an idempotency key, and a GET has none", async () => {
  server.handler = () => ({ status: 200, json: null });
  await http.json({ method: "POST", path: "/folders", json: {} });
  await http.json({ method: "POST", path: "/folders", json: {} });
  await http.json({ path: "/me" });
  const keys = server.seen.map((s) => s.headers["idempotency-key"]);
  expect(keys[0]).not.toBe(keys[1]);
  expect(keys[2]).toBeUndefined();
});

test("other failures are not tried again", async () => {
  server.handler = () => problem(500, "unavailable");
  await expect(http.json({ path: "/x" })).rejects.toMatchObject({ status: 500 });
  expect(server.seen).toHaveLength(1);
});

test("Retry-After is waited for, and when it is too long the answer is given back at once", async () => {
  server.handler = () =>
    server.seen.length === 1
      ? { ...(problem(429, "rate_limited") as object), status: 429, headers: { "retry-after": "1" } }
      : { status: 200, json: 1 };
  const before = performance.now();
  await http.json({ path: "/x" });
  expect(performance.now() - before).toBeGreaterThanOrEqual(990);
  server.handler = () => ({ status: 429, headers: { "retry-after": "3600" } });
  await expect(http.json({ path: "/x" })).rejects.toMatchObject({ code: "rate_limited" });
  expect(server.seen).toHaveLength(3);
});

test("no answer at all is a NetworkError after the retries", async () => {
  server.handler = () => "drop";
  await expect(http.json({ path: "/x" })).rejects.toBeInstanceOf(NetworkError);
  expect(server.seen).toHaveLength(5);
});

test("an aborted request rejects with the signal's reason and is not tried again", async () => {
  const abort = new AbortController();
  server.handler = () => {
    abort.abort(new Error("cancelled"));
    return "drop";
  };
  await expect(http.json({ path: "/x", signal: abort.signal })).rejects.toThrow("cancelled");
  expect(server.seen).toHaveLength(1);
});
