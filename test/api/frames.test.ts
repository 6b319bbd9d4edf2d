/** Uploads of our own clients, over real bindings: docs/spec/uploads.md, U16 to U20; storage.md, M10. */
import { beforeAll, describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import type { Negotiated, UploadSession, UploadState } from "../../core/protocol/uploads.ts";
import { apiEnv, newUser, sha256, shardOf, type User } from "../support/workerd/api.ts";
import { type Block, blocksOf, deltaFrame, noise, putFrames, rawFrame } from "../support/workerd/frames.ts";

let user: User;
beforeAll(async () => {
  user = await newUser();
});

const complete = (upload_id: string, chunks: string[]): Promise<File> =>
  user.ok<File>("POST", `uploads/${upload_id}/complete`, { json: { chunks } });
const hashOf = async (file_id: string): Promise<string> =>
  sha256((await user.ask("GET", `files/${file_id}/download`)).bytes);
const bytesOf = (blocks: Block[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(blocks.flatMap((block) => [...block.bytes]));

describe("chunks of frames", () => {
  it("U16, U17: the session says the class; frames become the file, whose hash is known at once", async () => {
    const bytes = noise(700_000, 1);
    const { upload_id, block_bits } = await user.start("frames.bin", bytes.length);
    expect(block_bits).toBe(14);
    const blocks = await blocksOf(bytes, block_bits);
    const frames = await Promise.all(blocks.map((block) => rawFrame(block.bytes)));
    const { status, json, chunk_id } = await putFrames(user, upload_id, 0, frames);
    expect([status, json]).toEqual([200, { received_bytes: bytes.length }]);
    const state = await user.ok<UploadState>("GET", `uploads/${upload_id}`);
    expect(state.chunks).toEqual([{ index: 0, chunk_id, size: bytes.length }]);
    const file = await complete(upload_id, [chunk_id]);
    expect(file).toMatchObject({ content_hash: await sha256(bytes), integrity: "ok" });
    expect(await hashOf(file.file_id)).toBe(file.content_hash);
  });

  it("U17: raw chunks and frames make one file; a type may have parameters, and any case", async () => {
    const bytes = noise(600_000, 2);
    const { upload_id, block_bits } = await user.start("mixed.bin", bytes.length);
    const blocks = await blocksOf(bytes, block_bits);
    const at = blocks.length >> 1;
    const frames = await Promise.all(blocks.slice(0, at).map((block) => rawFrame(block.bytes)));
    const type = 'Application/VND.edgedrive.frames ; version="1"';
    const first = await putFrames(user, upload_id, 0, frames, type);
    expect(first.status).toBe(200);
    const second = await user.chunk(upload_id, 1, bytesOf(blocks.slice(at)));
    const file = await complete(upload_id, [first.chunk_id, second]);
    expect(file).toMatchObject({ size: bytes.length, integrity: "pending", content_hash: null });
    expect(await hashOf(file.file_id)).toBe(await sha256(bytes));
  });

  it("U16: deltas are made of the base, of this file or another one, which keeps its class", async () => {
    const before = noise(5_000_000, 3);
    const after = before.slice();
    after.set([1, 2, 3], 100_000);
    const source = await user.file("source.bin", before);
    for (const target of [{ file_id: source.file_id }, { base_file_id: source.file_id }]) {
      const size = 200_000;
      const { upload_id, block_bits } = await user.start("edited.bin", size, {
        ...target,
        base_version_id: source.version_id,
      });
      expect(block_bits).toBe(16);
      const blocks = await blocksOf(after.subarray(0, size), block_bits);
      const frame = await deltaFrame(
        blocks.map((block) => block.bytes),
        before,
      );
      expect(frame.payload.length).toBeLessThan(200);
      const { status, json, chunk_id } = await putFrames(user, upload_id, 0, [frame]);
      expect(status, JSON.stringify(json)).toBe(200);
      const file = await complete(upload_id, [chunk_id]);
      expect(file.content_hash).toBe(await sha256(after.slice(0, size)));
      expect(await hashOf(file.file_id)).toBe(file.content_hash);
    }
  });
});

describe("segments and negotiation", () => {
  it("U18, U20: an edit sends what the base lacks; the file is the base's blocks and one more pack", async () => {
    const before = noise(6_000_000, 21);
    const at = 3_000_000;
    const after = Uint8Array.from([...before.subarray(0, at), ...noise(500, 22), ...before.subarray(at)]);
    const source = await user.file("series.bin", before);
    const session = await user.ok<UploadSession>("POST", "files/upload", {
      json: {
        parent_id: "root",
        name: "series.bin",
        size: after.length,
        file_id: source.file_id,
        base_version_id: source.version_id,
      },
      headers: { "if-match": `"${source.version_id}"` },
    });
    const { upload_id, block_bits } = session;
    const blocks = await blocksOf(after, block_bits);
    const asked = { blocks: blocks.map(({ hash, length }) => ({ hash, length })) };
    const { segments, missing } = await user.ok<Negotiated>("POST", `uploads/${upload_id}/negotiate`, { json: asked });
    expect([segments.length, missing.length]).toEqual([2, 1]);
    const changed = blocks.slice(missing[0]!.first, missing[0]!.first + missing[0]!.count);
    const frame = await deltaFrame(
      changed.map((block) => block.bytes),
      before,
    );
    expect(frame.payload.length).toBeLessThan(1000);
    const { status, chunk_id } = await putFrames(user, upload_id, 0, [frame]);
    expect(status).toBe(200);
    const objects = (await apiEnv.BLOBS.list()).objects.length;
    const [head, tail] = segments.map(({ offset, length }) => ({ offset, length }));
    const file = await user.ok<File>("POST", `uploads/${upload_id}/complete`, {
      json: { segments: [head, { chunk_id }, tail] },
    });
    expect((await apiEnv.BLOBS.list()).objects.length).toBe(objects);
    expect(file).toMatchObject({ file_id: source.file_id, version_number: 2, size: after.length });
    expect(await hashOf(file.file_id)).toBe(await sha256(after));
    await user.ok("DELETE", `files/${file.file_id}/versions/${source.version_id}`);
    expect(await hashOf(file.file_id), "the blocks outlive the version that they came with").toBe(await sha256(after));
  });

  it("M10: a new file like another one of the drive is mostly borrowed, found by hooks alone", async () => {
    const common = noise(12_000_000, 36);
    const first = await user.file("like.bin", common);
    const bytes = Uint8Array.from([...noise(70_000, 32), ...common.subarray(1_000_000)]);
    const { upload_id, block_bits } = await user.start("alike.bin", bytes.length);
    const blocks = await blocksOf(bytes, block_bits);
    const asked = { blocks: blocks.map(({ hash, length }) => ({ hash, length })) };
    const { segments, missing } = await user.ok<Negotiated>("POST", `uploads/${upload_id}/negotiate`, { json: asked });
    expect(new Set(segments.map(({ version_id }) => version_id))).toEqual(new Set([first.version_id]));
    expect(missing).toHaveLength(1);
    const own = blocks.slice(0, missing[0]!.count);
    const { chunk_id } = await putFrames(
      user,
      upload_id,
      0,
      await Promise.all(own.map((block) => rawFrame(block.bytes))),
    );
    const borrowed = segments.map(({ file_id, version_id, offset, length }) => ({
      file_id,
      version_id,
      offset,
      length,
    }));
    const file = await user.ok<File>("POST", `uploads/${upload_id}/complete`, {
      json: { segments: [{ chunk_id }, ...borrowed] },
    });
    expect(await hashOf(file.file_id)).toBe(await sha256(bytes));
    await user.ok("DELETE", `files/${first.file_id}`);
    await user.ok("DELETE", `trash/${first.file_id}`);
    expect(await hashOf(file.file_id), "the blocks outlive the file that they came with").toBe(await sha256(bytes));
  });

  it("M10: a content of 1 MiB or more has hooks, a smaller one none", async () => {
    const shard = await shardOf(user.id);
    const hooksOf = async (file: File): Promise<number> =>
      (await shard
        .prepare("select count(*) as n from hooks where file_id = ?1 and version_id = ?2")
        .bind(file.file_id, file.version_id)
        .first<number>("n"))!;
    expect(await hooksOf(await user.file("small.bin", noise(1_000_000, 41)))).toBe(0);
    const large = await hooksOf(await user.file("large.bin", noise(5_000_000, 42)));
    expect(large).toBeGreaterThanOrEqual(1);
    expect(large).toBeLessThanOrEqual(6);
  });
});
