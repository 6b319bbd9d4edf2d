import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newId } from "../core/protocol/ids.ts";
import { problem, TestServer } from "../test/support/http-server.ts";
import { UploadServer } from "../test/support/memory/upload-server.ts";
import { Gate } from "./gate.ts";
import { Http } from "./http.ts";
import type { Progress } from "./meter.ts";
import { MemoryStorage } from "./storage.ts";
import { BATCH, uploadMany } from "./upload-many.ts";
import type { UploadRequest, UploadTools } from "./upload-request.ts";

const server = new TestServer();
let drive: UploadServer;
let tools: UploadTools;

const bytesOf = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(randomBytes(length));
const request = (name: string, bytes: Uint8Array<ArrayBuffer>, more: Partial<UploadRequest> = {}): UploadRequest => ({
  source: new File([bytes], name, { lastModified: 1e12 }),
  parent_id: "root",
  ...more,
});
const stored = (name: string): Buffer =>
  drive.bytesOf([...drive.files.values()].find((file) => file.name === name)!.file_id);

beforeEach(async () => {
  server.seen.length = 0;
  drive = new UploadServer();
  server.handler = drive.handler;
  const http = new Http({ origin: await server.start(), backoff_ms: 1, retries: 1 });
  tools = { http, storage: new MemoryStorage(), gate: new Gate(5), device_id: () => newId(7, 0) };
});
afterEach(() => server.stop());

test("U21: small files go in one request, also empty ones and such as repeat one another; large ones by themselves", async () => {
  const one = bytesOf(100_000);
  const two = bytesOf(1000);
  const both = new Uint8Array(Buffer.concat([one, two]));
  const contents = [one, new Uint8Array(), two, one, both, bytesOf(BATCH.file_bytes + 1), bytesOf(1)];
  const done = await uploadMany(
    tools,
    contents.map((bytes, i) => request(`${i}`, bytes)),
  );
  expect(done.map(({ status }) => status)).toEqual(contents.map(() => "fulfilled"));
  for (const [i, bytes] of contents.entries()) expect(Buffer.compare(stored(`${i}`), bytes)).toBe(0);
  expect(server.seen.map(({ path }) => path).toSorted()).toEqual(["/files/upload", "/sync/delta"]);
});

test("1,000 files are two requests, a few bytes more than they are", async () => {
  const contents = Array.from({ length: 1000 }, () => bytesOf(1000));
  await uploadMany(
    tools,
    contents.map((bytes, i) => request(`${i}`, bytes)),
  );
  for (const [i, bytes] of contents.entries()) expect(Buffer.compare(stored(`${i}`), bytes)).toBe(0);
  expect(server.seen).toHaveLength(2);
  expect(server.seen.reduce((sum, { body }) => sum + body.length, 0)).toBeLessThan(1.4e6);
});

test("U22: one failure alone: a taken name, a file that cannot be read, one that was cancelled", async () => {
  await uploadMany(tools, [request("taken", bytesOf(10))]);
  const unreadable = request("gone", bytesOf(10));
  unreadable.source.arrayBuffer = () => Promise.reject(new Error("gone"));
  const cancelled = request("cancelled", bytesOf(10), { signal: AbortSignal.abort(new Error("cancelled")) });
  const done = await uploadMany(tools, [
    request("a", bytesOf(9)),
    request("taken", bytesOf(10)),
    unreadable,
    cancelled,
    request("b", bytesOf(9)),
  ]);
  expect(
    done.map((d) => (d.status === "fulfilled" ? "ok" : ((d.reason as { code: unknown }).code ?? d.reason.message))),
  ).toEqual(["ok", "name_taken", "gone", "cancelled", "ok"]);
  expect([...drive.files.values()].map(({ name }) => name)).toEqual(["taken", "a", "b"]);
});

test("U22: an answer that was lost is asked for again under the same op_ids: nothing is made twice", async () => {
  const requests = ["a", "b", "c"].map((name) => request(name, bytesOf(5000)));
  server.handler = async (seen) => {
    await drive.handler(seen);
    return "drop" as const;
  };
  const lost = await uploadMany(tools, requests);
  expect(lost.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  server.handler = drive.handler;
  const done = await uploadMany(tools, requests);
  expect(done.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
  expect(drive.files.size).toBe(3);
});

test("a batch that is refused as a whole is sent file by file", async () => {
  server.handler = (seen) => (seen.path === "/sync/delta" ? problem(413, "quota_exceeded") : drive.handler(seen));
  const done = await uploadMany(tools, [request("a", bytesOf(10)), request("b", bytesOf(10))]);
  expect(done.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
});

test("progress of each ends at its size", async () => {
  const last = new Map<string, Progress>();
  const onProgress = (name: string) => (progress: Progress) => void last.set(name, progress);
  await uploadMany(tools, [
    request("a", bytesOf(70_000), { onProgress: onProgress("a") }),
    request("b", bytesOf(30_000), { onProgress: onProgress("b") }),
  ]);
  expect(last.get("a")).toMatchObject({ sent: 70_000, total: 70_000 });
  expect(last.get("b")).toMatchObject({ sent: 30_000, total: 30_000 });
});
