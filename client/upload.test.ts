import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Gate } from "./gate.ts";
import { Http } from "./http.ts";
import type { Progress } from "./meter.ts";
import { MemoryStorage } from "./storage.ts";
import { problem, TestServer, type Handler } from "../test/support/http-server.ts";
import { Session } from "./session.ts";
import { ONE_REQUEST_MAX, upload } from "./upload.ts";
import type { UploadTools } from "./upload-request.ts";

const server = new TestServer();
const PART = 1024 * 1024;
const SIZE = ONE_REQUEST_MAX + PART / 2;
const COUNT = 9;
const hash = (bytes: Uint8Array | null): string =>
  createHash("sha256")
    .update(bytes ?? "")
    .digest("hex");
const content = (size: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 12) + 7 * (i >> 20)) & 255);
const file = (bytes: Uint8Array<ArrayBuffer>): File =>
  new File([bytes], "film.mp4", { type: "video/mp4", lastModified: 1e12 });

interface FakeDrive {
  chunks: Map<number, Uint8Array>;
  committed: Uint8Array | null;
  deleted: boolean;
  in_flight: number;
  most_in_flight: number;
  handler: Handler;
}

/** The upload half of the wire contract, in memory. */
function fakeDrive(): FakeDrive {
  const session = { upload_id: "up-1", part_size: PART, max_parallel: 5, expires_at: "2030-01-01T00:00:00Z" };
  const chunks = new Map<number, Uint8Array>();
  const drive: FakeDrive = {
    chunks,
    committed: null,
    deleted: false,
    in_flight: 0,
    most_in_flight: 0,
    handler: async ({ method, path, query, body, json }) => {
      if (path === "/files/upload" && query.has("name")) {
        drive.committed = body;
        return { status: 201, json: { file_id: "f" } };
      }
      if (path === "/files/upload") return { status: 200, json: session };
      if (path.startsWith("/chunks/")) {
        drive.most_in_flight = Math.max(drive.most_in_flight, ++drive.in_flight);
        // Others that are on their way arrive meanwhile.
        for (let turn = 0; turn < 100 && drive.in_flight < 2; turn++)
          await new Promise((resolve) => setImmediate(resolve));
        drive.in_flight--;
        if (path !== `/chunks/${hash(body)}`) return problem(422, "hash_mismatch");
        const there = chunks.get(Number(query.get("index")));
        if (there && hash(there) !== hash(body)) return problem(413, "too_many_chunks");
        chunks.set(Number(query.get("index")), body);
        return { status: 200, json: { received_bytes: body.length } };
      }
      if (path === "/uploads/up-1" && method === "DELETE") {
        drive.deleted = true;
        chunks.clear();
        return { status: 204 };
      }
      const listed = [...chunks].map(([index, c]) => ({ index, chunk_id: hash(c), size: c.length }));
      const received_bytes = listed.reduce((sum, c) => sum + c.size, 0);
      if (path === "/uploads/up-1") {
        const state = drive.committed ? "committed" : "open";
        return {
          status: 200,
          json: { ...session, state, size: SIZE, received_bytes, chunks: listed, file_id: drive.committed && "f" },
        };
      }
      if (path === "/uploads/up-1/complete") {
        const order = (json() as { chunks: string[] }).chunks;
        const missing = order.filter((id) => !listed.some((c) => c.chunk_id === id));
        if (missing.length > 0) return problem(409, "missing_chunks", { missing });
        drive.committed = Buffer.concat(
          order.map((id) => [...chunks.values()].find((c) => hash(c) === id) as Uint8Array),
        );
      }
      return { status: 201, json: { file_id: "f" } };
    },
  };
  return drive;
}

let drive: FakeDrive;
let storage: MemoryStorage;
let tools: UploadTools & { storage: MemoryStorage };
const count = (start: string): number => server.seen.filter((s) => s.path.startsWith(start)).length;

beforeEach(async () => {
  server.seen.length = 0;
  drive = fakeDrive();
  server.handler = drive.handler;
  storage = new MemoryStorage();
  const http = new Http({ origin: await server.start(), backoff_ms: 1, retries: 1 });
  tools = { http, storage, gate: new Gate(5), device_id: () => null };
});
afterEach(() => server.stop());

test("a small file goes in one request with its name, folder, time and type", async () => {
  const bytes = content(70_000);
  const done = await upload(tools, { source: file(bytes), parent_id: "root", on_name_conflict: "rename" });
  expect(done.file_id).toBe("f");
  expect(hash(drive.committed)).toBe(hash(bytes));
  expect(server.seen).toHaveLength(1);
  expect(server.seen[0]?.headers["content-type"]).toBe("video/mp4");
  expect(Object.fromEntries(server.seen[0]?.query ?? [])).toEqual({
    parent_id: "root",
    name: "film.mp4",
    modified_at: "2001-09-09T01:46:40.000Z",
    on_name_conflict: "rename",
  });
});

test("a large file goes in parts, five at a time, and progress ends at its size", async () => {
  const bytes = content(SIZE);
  const seen: Progress[] = [];
  await upload(tools, { source: file(bytes), parent_id: "root", onProgress: (p) => seen.push(p) });
  expect(hash(drive.committed)).toBe(hash(bytes));
  expect(count("/chunks/")).toBe(COUNT);
  expect(drive.most_in_flight).toBeGreaterThan(1);
  expect(drive.most_in_flight).toBeLessThanOrEqual(5);
  expect(seen.at(-1)).toMatchObject({ sent: SIZE, total: SIZE });
  expect(seen.map((p) => p.sent)).toEqual(seen.map((p) => p.sent).toSorted((a, b) => a - b));
});

test("an interrupted upload goes on with what is missing when the same file is chosen again", async () => {
  const bytes = content(SIZE);
  server.handler = (seen) =>
    seen.path.startsWith("/chunks/") && drive.chunks.size >= 4 ? "drop" : drive.handler(seen);
  await expect(upload(tools, { source: file(bytes), parent_id: "root" })).rejects.toThrow("cannot be reached");
  const kept = [...drive.chunks.keys()];
  expect(kept.length).toBeGreaterThanOrEqual(4);
  server.handler = drive.handler;
  server.seen.length = 0;
  await upload(tools, { source: file(bytes), parent_id: "root" });
  expect(hash(drive.committed)).toBe(hash(bytes));
  expect(count("/files/upload")).toBe(0);
  const again = server.seen.filter((s) => s.path.startsWith("/chunks/")).map((s) => Number(s.query.get("index")));
  expect(again.filter((index) => kept.includes(index))).toEqual([]);
});

test("U4: a file that changed since parts of it arrived is sent anew, in a session of its own", async () => {
  const bytes = content(SIZE);
  server.handler = (seen) => (seen.path.endsWith("/complete") ? "drop" : drive.handler(seen));
  await expect(upload(tools, { source: file(bytes), parent_id: "root" })).rejects.toThrow();
  const changed = bytes.slice();
  changed[3 * PART] = 0x7f ^ (changed[3 * PART] ?? 0);
  server.handler = drive.handler;
  server.seen.length = 0;
  const seen: Progress[] = [];
  await upload(tools, { source: file(changed), parent_id: "root", onProgress: (p) => seen.push(p) });
  expect(hash(drive.committed)).toBe(hash(changed));
  const steps = server.seen.filter((s) => !s.path.startsWith("/chunks/")).map((s) => `${s.method} ${s.path}`);
  expect(steps).toEqual([
    "GET /uploads/up-1",
    "DELETE /uploads/up-1",
    "POST /files/upload",
    "POST /uploads/up-1/complete",
  ]);
  expect(seen.at(-1)).toMatchObject({ sent: SIZE, total: SIZE });
});

test("U4: a file that does not hold still while it is sent is given up, and leaves nothing", async () => {
  server.handler = (seen) => (seen.path.startsWith("/chunks/") ? problem(413, "too_many_chunks") : drive.handler(seen));
  const sent = upload(tools, { source: file(content(SIZE)), parent_id: "root" });
  await expect(sent).rejects.toMatchObject({ code: "too_many_chunks" });
  expect(server.seen.filter((s) => s.method === "DELETE")).toHaveLength(2);
  expect(storage.getItem(`edgedrive.upload:${JSON.stringify(["film.mp4", SIZE, 1e12, "root"])}`)).toBeNull();
});

test("no part is sent with a token that will be refused: after a reload each goes once", async () => {
  const signedIn = {
    user: { user_id: "u", email: "ada@example.org", name: "Ada", root_folder_id: "u" },
    device_id: "d",
    access_token: "access",
    refresh_token: "refresh-2",
    expires_in: 900,
  };
  storage.setItem("edgedrive.refresh_token", "refresh-1");
  expect(new Session({ http: tools.http, storage }).access_token()).toBeNull();
  // What only reads is let in by the cookie.
  server.handler = (seen) => {
    if (seen.path === "/auth/refresh") return { status: 200, json: signedIn };
    if (seen.method !== "GET" && !seen.headers.authorization) return problem(401, "token_missing");
    return drive.handler(seen);
  };
  storage.setItem(`edgedrive.upload:${JSON.stringify(["film.mp4", SIZE, 1e12, "root"])}`, "up-1");
  await upload(tools, { source: file(content(SIZE)), parent_id: "root" });
  expect([count("/chunks/"), count("/auth/refresh")]).toEqual([COUNT, 1]);
});

test("a commit whose answer was lost is found, not repeated", async () => {
  const bytes = content(SIZE);
  server.handler = async (seen) => {
    const answer = await drive.handler(seen);
    return seen.path.endsWith("/complete") ? "drop" : answer;
  };
  await expect(upload(tools, { source: file(bytes), parent_id: "root" })).rejects.toThrow();
  server.handler = drive.handler;
  server.seen.length = 0;
  expect(await upload(tools, { source: file(bytes), parent_id: "root" })).toMatchObject({ file_id: "f" });
  expect(count("/chunks/") + count("/files/upload")).toBe(0);
});

test("parts that the server lost are sent again when it misses them at the end", async () => {
  const bytes = content(SIZE);
  server.handler = (seen) => {
    if (seen.path.endsWith("/complete") && count("/uploads/up-1/complete") === 1) drive.chunks.delete(2);
    return drive.handler(seen);
  };
  await upload(tools, { source: file(bytes), parent_id: "root" });
  expect(hash(drive.committed)).toBe(hash(bytes));
  expect(count("/chunks/")).toBe(COUNT + 1);
});

test("a session that the server no longer knows is replaced by a new one", async () => {
  const bytes = content(SIZE);
  storage.setItem(`edgedrive.upload:${JSON.stringify(["film.mp4", SIZE, 1e12, "root"])}`, "gone");
  server.handler = (seen) => (seen.path === "/uploads/gone" ? problem(404, "unknown_upload") : drive.handler(seen));
  await upload(tools, { source: file(bytes), parent_id: "root" });
  expect(hash(drive.committed)).toBe(hash(bytes));
});

test("cancelling stops the parts, frees the quota on the server and forgets the session", async () => {
  const abort = new AbortController();
  server.handler = (seen) => {
    if (count("/chunks/") === 3) abort.abort(new Error("cancelled"));
    return drive.handler(seen);
  };
  await expect(upload(tools, { source: file(content(SIZE)), parent_id: "root", signal: abort.signal })).rejects.toThrow(
    "cancelled",
  );
  await expect.poll(() => drive.deleted).toBe(true);
  expect(drive.committed).toBeNull();
});
