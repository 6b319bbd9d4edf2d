import { describe, expect, it } from "vitest";
import { MemoryDrive } from "../../test/support/memory/drive.ts";
import { DriveError, type ErrorCode } from "../protocol/errors.ts";
import { assemble } from "./chunks.ts";
import type { ChunkRow } from "./model.ts";
import { chunkLength, FILE_MAX_BYTES, partSizeFor, requireSize } from "./parts.ts";

const MiB = 1024 * 1024;

const codeOf = (work: () => unknown): ErrorCode | "ok" => {
  try {
    work();
    return "ok";
  } catch (error) {
    if (error instanceof DriveError) return error.code;
    throw error;
  }
};

describe("parts", () => {
  it("U5: a file of any size fits into 10,000 equal parts that R2 takes", () => {
    for (const size of [1, 8 * MiB, 1024 * MiB, 1024 * MiB + 1, 64 * 1024 * MiB, 64 * 1024 * MiB + 1, FILE_MAX_BYTES]) {
      const part = partSizeFor(size);
      expect(Math.ceil(size / part)).toBeLessThanOrEqual(10_000);
      expect(part).toBeGreaterThanOrEqual(5 * MiB);
      // A Worker's body can have 100 MB.
      expect(part).toBeLessThan(100e6);
    }
    expect(codeOf(() => requireSize(FILE_MAX_BYTES))).toBe("ok");
    expect(codeOf(() => requireSize(FILE_MAX_BYTES + 1))).toBe("file_too_large");
  });

  it("U5: all chunks have the part's size but the last", () => {
    expect([0, 1, 2].map((i) => chunkLength(20, 8, i))).toEqual([8, 8, 4]);
    expect(chunkLength(16, 8, 1)).toBe(8);
    expect(codeOf(() => chunkLength(16, 8, 2))).toBe("too_many_chunks");
    expect(codeOf(() => chunkLength(0, 8, 0))).toBe("too_many_chunks");
  });
});

describe("U6: the order of a completion", () => {
  const drive = new MemoryDrive();
  const upload = { ...drive.upload(drive.target("x"), 20), part_size: 8, object_key: "object" };
  const row = (chunk_index: number, chunk_id: string, size: number): ChunkRow => ({
    tenant_id: upload.tenant_id,
    upload_id: upload.upload_id,
    chunk_index,
    chunk_id,
    size,
    etag: `etag ${chunk_index}`,
  });
  const chunks = [row(2, "c", 4), row(0, "a", 8), row(1, "b", 8)];

  it("parts by index, extents by the list", () => {
    const { parts, extents } = assemble({ upload, chunks }, ["b", "a", "c"]);
    expect(parts.map((p) => p.etag)).toEqual(["etag 0", "etag 1", "etag 2"]);
    expect(extents.map((e) => [e.offset, e.length])).toEqual([
      [8, 8],
      [0, 8],
      [16, 4],
    ]);
  });

  it("a chunk may lie twice in the file and once in the object", () => {
    const { extents } = assemble({ upload, chunks: [row(0, "a", 8), row(2, "c", 4)] }, ["a", "a", "c"]);
    expect(extents.map((e) => e.offset)).toEqual([0, 0, 8]);
  });

  it.each<[string[], ErrorCode]>([
    [["a", "b", "c", "c"], "too_many_chunks"],
    [["a", "b", "d"], "missing_chunks"],
    [["a", "b"], "size_mismatch"],
    [["a", "b", "b"], "size_mismatch"],
    [[], "size_mismatch"],
  ])("%j: %s", (list, code) => expect(codeOf(() => assemble({ upload, chunks }, list))).toBe(code));
});
