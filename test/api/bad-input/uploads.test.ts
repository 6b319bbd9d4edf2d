/** Whatever is malformed gets a 4xx problem with a stable code, and nothing anywhere has changed by it. */
import { beforeAll, describe, expect, it } from "vitest";
import type { File } from "../../../core/protocol/files.ts";
import { everything, expectRefused, sha256, shardOf, text, type User } from "../../support/workerd/api.ts";
import { endless, makeWorld, MiB, refuses, type Request, ZERO_HASH } from "../../support/workerd/refusals.ts";

let user: User;

beforeAll(async () => {
  ({ user } = await makeWorld());
});

describe("upload sessions", () => {
  const SIZE = 8 * MiB + 5;
  const first = new Uint8Array(8 * MiB).fill(1);
  const last = text("12345");
  let upload_id: string;
  let firstHash: string;
  let lastHash: string;

  beforeAll(async () => {
    [firstHash, lastHash] = [await sha256(first), await sha256(last)];
    upload_id = (await user.start("session.bin", SIZE)).upload_id;
    await user.chunk(upload_id, 1, last);
  });

  const start = (fields: Record<string, unknown>): Request => [
    "POST",
    "files/upload",
    { json: { parent_id: "root", name: "started", size: 1, ...fields } },
  ];
  const put = (hash: string, index: number | string, body: Uint8Array<ArrayBuffer> | ReadableStream): Request => [
    "PUT",
    `chunks/${hash}?upload_id=${upload_id}&index=${index}`,
    { body },
  ];
  const complete = (chunks: unknown, headers?: Record<string, string>): Request => [
    "POST",
    `uploads/${upload_id}/complete`,
    { json: { chunks }, headers },
  ];

  refuses(
    () => user,
    [
      ["a negative size", 400, "invalid_request", () => start({ size: -1 })],
      ["half a byte", 400, "invalid_request", () => start({ size: 0.5 })],
      ["a size in words", 400, "invalid_request", () => start({ size: "10" })],
      ["a size beyond numbers", 400, "invalid_request", () => start({ size: 2 ** 60 })],
      ["larger than any file", 413, "file_too_large", () => start({ size: 10_000 * 64 * MiB + 1 })],
      ["a hash that is none", 400, "invalid_request", () => start({ content_hash: "abc" })],
      ["a hash in upper case", 400, "invalid_request", () => start({ content_hash: "A".repeat(64) })],
      ["a media type with a line break", 400, "invalid_request", () => start({ mime_type: "text/plain\r\nx: y" })],
      ["a time that is none", 400, "invalid_request", () => start({ modified_at: "now" })],
      ["a chunk with another hash", 422, "hash_mismatch", () => put(firstHash, 0, new Uint8Array(8 * MiB).fill(2))],
      ["a chunk id that is no hash", 400, "invalid_request", () => put("abc", 0, first)],
      ["a chunk too large", 413, "chunk_too_large", () => put(firstHash, 0, new Uint8Array(8 * MiB + 1))],
      ["a chunk too large that does not say so", 413, "chunk_too_large", () => put(firstHash, 0, endless(9 * MiB))],
      ["a chunk too short", 422, "chunk_size_mismatch", () => put(lastHash, 0, last)],
      ["a chunk too short that does not say so", 422, "chunk_size_mismatch", () => put(firstHash, 0, endless(3 * MiB))],
      ["an empty chunk", 422, "chunk_size_mismatch", () => put(ZERO_HASH, 0, new Uint8Array(0))],
      ["an index past the end", 413, "too_many_chunks", () => put(lastHash, 2, last)],
      ["a negative index", 400, "invalid_request", () => put(lastHash, -1, last)],
      ["an index that is no number", 400, "invalid_request", () => put(lastHash, "one", last)],
      ["other bytes at an index that has some", 409, "chunk_conflict", () => put(ZERO_HASH, 1, text("54321"))],
      ["completion with a missing chunk", 409, "missing_chunks", () => complete([firstHash, lastHash])],
      ["completion with fewer chunks", 422, "size_mismatch", () => complete([lastHash])],
      ["completion with none", 422, "size_mismatch", () => complete([])],
      ["completion with more chunks", 413, "too_many_chunks", () => complete([firstHash, lastHash, lastHash])],
      [
        "completion with more chunks than any file",
        413,
        "too_many_chunks",
        () => complete(Array.from({ length: 10_001 }, () => lastHash)),
      ],
      ["completion with no list", 400, "invalid_request", () => complete("all")],
      ["completion with what is no hash", 400, "invalid_request", () => complete(["x"])],
    ],
  );

  it("a completion with missing chunks names them, once each", async () => {
    const { json } = await user.ask(...complete([firstHash, lastHash]));
    expect(json.missing).toEqual([firstHash]);
  });

  it("after all of it, the right chunk is welcome, twice as well, and the file is whole", async () => {
    for (const _ of [1, 2]) await user.ok(...put(firstHash, 0, first));
    const key = { "idempotency-key": "complete-session" };
    const made = await user.ok<File>(...complete([firstHash, lastHash], key));
    expect(made.size).toBe(SIZE);

    const before = await everything();
    const replay = await user.ask(...complete([firstHash, lastHash], key));
    expect([replay.status, replay.json.file_id]).toEqual([201, made.file_id]);
    expect(await everything()).toEqual(before);

    const again = await expectRefused(user, 409, "upload_completed", ...complete([firstHash, lastHash]));
    expect(again.json.file_id).toBe(made.file_id);
    await expectRefused(user, 409, "upload_completed", ...put(firstHash, 0, first));
    await expectRefused(user, 409, "upload_completed", "DELETE", `uploads/${upload_id}`);
    const { bytes } = await user.ask("GET", `files/${made.file_id}/download`);
    expect(await sha256(bytes)).toBe(await sha256(new Uint8Array([...first, ...last])));
  });

  it("one that was cancelled is unknown, one past its time is expired", async () => {
    const cancelled = await user.start("cancelled.bin", 5);
    await user.ok("DELETE", `uploads/${cancelled.upload_id}`);
    upload_id = cancelled.upload_id;
    await expectRefused(user, 404, "unknown_upload", ...put(lastHash, 0, last));
    await expectRefused(user, 404, "unknown_upload", ...complete([lastHash]));

    upload_id = (await user.start("expired.bin", 5)).upload_id;
    const shard = await shardOf(user.id);
    await shard.prepare("update uploads set expires_at = 1 where upload_id = ?1").bind(upload_id).run();
    await expectRefused(user, 410, "upload_expired", ...put(lastHash, 0, last));
    await expectRefused(user, 410, "upload_expired", ...complete([lastHash]));
  });
});
