/** Uploads of our own clients, over real bindings: docs/spec/uploads.md, U16 and U17. */
import { beforeAll, describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import type { UploadState } from "../../core/protocol/uploads.ts";
import { newUser, sha256, type User } from "../support/workerd/api.ts";
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
