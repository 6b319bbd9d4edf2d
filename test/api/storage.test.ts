/** docs/spec/storage.md through the API, on the runtime's own zstd, WebCrypto, R2 and D1. */
import { beforeAll, describe, expect, it } from "vitest";
import { parseText } from "../../core/manifests/root.ts";
import { packKey } from "../../core/packs/format.ts";
import { indexOfPack } from "../../core/packs/index-of.ts";
import type { File } from "../../core/protocol/files.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import { zstd } from "../../platform/codec/zstd.ts";
import { contextOf } from "../../workers/api/context.ts";
import { apiEnv, expectProblem, newUser, sha256, shardOf, text, type User } from "../support/workerd/api.ts";
import { noise } from "../support/workerd/drive-fixture.ts";
import { MiB } from "../support/workerd/refusals.ts";

type Bytes = Uint8Array<ArrayBuffer>;

let user: User;
beforeAll(async () => {
  user = await newUser();
});

const random = (length: number): Bytes => noise(length) as Bytes;
const words = (length: number): Bytes =>
  text("the quick brown fox jumps over the lazy dog, ".repeat(length / 45 + 1)).slice(0, length);
const download = (file_id: string, range?: string) =>
  user.ask("GET", `files/${file_id}/download`, { headers: range === undefined ? {} : { range } });
const joined = async (parts: Bytes[]): Promise<Bytes> => new Uint8Array(await new Blob(parts).arrayBuffer());

/** Where a file's bytes lie. */
async function stored(file_id: string): Promise<{ keys: string[]; bits: number }> {
  const shard = await shardOf(user.id);
  const sql =
    "select c.manifest from files f join contents c on c.tenant_id = f.tenant_id and c.content_id = f.content_id where f.file_id = ?1";
  const manifest = (await shard.prepare(sql).bind(file_id).first<string>("manifest")) as string;
  const root = await parseText(manifest);
  return { keys: root.packs.map((pack) => packKey(tenantOf(user.id), pack)), bits: root.bits };
}

describe("codec", () => {
  it("PK4, PK9: what the runtime compresses it gives back, at any length; what it cannot is null", () => {
    for (let length = 1; length < 3 * MiB; length = Math.floor(length * 1.7) + 1)
      for (const bytes of [words(length), random(length)]) {
        const small = zstd.compress(bytes);
        if (small !== null) expect(zstd.decompress(small, length)).toHaveLength(length);
      }
    expect(zstd.compress(words(300_000))!.length).toBeLessThan(30_000);
    const bomb = zstd.compress(new Uint8Array(8 * MiB)) as Bytes;
    expect(() => zstd.decompress(bomb, 1000)).toThrow();
    expect(() => zstd.decompress(random(1000), 5000)).toThrow();
  });
});

describe("files", { timeout: 60_000 }, () => {
  it("PK2, S1: a body above 8 MiB becomes a multipart object; whole and ranges come back", async () => {
    const bytes = await joined([random(9 * MiB), words(4 * MiB), random(7 * MiB)]);
    const file = await user.ok<File>("POST", "files/upload?name=large.bin", { body: bytes });
    expect(file).toMatchObject({ size: bytes.length, content_hash: await sha256(bytes) });
    const { keys, bits } = await stored(file.file_id);
    expect([keys.length, bits]).toEqual([1, 16]);
    const object = (await apiEnv.BLOBS.head(keys[0]!))!;
    expect(object.httpEtag).toMatch(/-\d+"$/);
    expect(object.size).toBeLessThan(bytes.length - 3 * MiB);
    expect(await sha256((await download(file.file_id)).bytes)).toBe(file.content_hash);
    for (const [from, to] of [
      [0, 0],
      [9 * MiB - 5, 9 * MiB + 5],
      [8_000_000, 15_000_000],
      [bytes.length - 1, bytes.length - 1],
    ] as const) {
      const answer = await download(file.file_id, `bytes=${from}-${to}`);
      expect(answer.status).toBe(206);
      expect(await sha256(answer.bytes)).toBe(await sha256(bytes.slice(from, to + 1)));
    }
  });

  it("PK1, PK8, PK10: objects are named after the upload, say what they are, and have a row once they are committed", async () => {
    const file = await user.file("named.txt", "a few words");
    const { keys } = await stored(file.file_id);
    const { customMetadata, size } = (await apiEnv.BLOBS.head(keys[0]!))!;
    expect(customMetadata).toMatchObject({ tenant: String(tenantOf(user.id)), key_version: "1" });
    const pack_id = keys[0]!.split("/")[1]!;
    const row = await (await shardOf(user.id)).prepare("select * from packs where pack_id = ?1").bind(pack_id).first();
    expect(row).toMatchObject({ state: "live", size, key_version: 1 });
    const index = await indexOfPack(contextOf(apiEnv).engine, tenantOf(user.id), pack_id, size);
    expect(index.map(({ kind, length }) => [kind, length])).toEqual([["data", 11]]);
  });

  it("U4, U5: chunks of any length in any order make the file", async () => {
    const parts = [random(1), words(3 * MiB), random(8 * MiB), random(777_777)];
    const whole = await joined(parts);
    const { upload_id } = await user.start("odd.bin", whole.length);
    const ids: string[] = [];
    for (const i of [2, 0, 3, 1]) ids[i] = await user.chunk(upload_id, i, parts[i]!);
    const file = await user.ok<File>("POST", `uploads/${upload_id}/complete`, { json: { chunks: ids } });
    expect(await sha256((await download(file.file_id)).bytes)).toBe(await sha256(whole));
    expect((await stored(file.file_id)).keys).toHaveLength(4);
  });

  it("B5: a new version keeps its parent's class", async () => {
    const file = await user.file("grows.bin", random(1000));
    expect((await stored(file.file_id)).bits).toBe(14);
    await user.ok("PUT", `files/${file.file_id}`, { body: random(5 * MiB) });
    expect((await stored(file.file_id)).bits).toBe(14);
  });

  it("copies and restored versions read the same packs", async () => {
    const bytes = random(300_000);
    const file = await user.file("shared.bin", bytes);
    const copy = await user.ok<File>("POST", `files/${file.file_id}/copy`, { json: { name: "copy.bin" } });
    expect(await stored(copy.file_id)).toEqual(await stored(file.file_id));
    expect(await sha256((await download(copy.file_id)).bytes)).toBe(await sha256(bytes));
  });

  it("S2, S3: damage in R2 is an error; a part of the file that is whole can still be read", async () => {
    const bytes = random(6 * MiB);
    const file = await user.file("damaged.bin", bytes);
    const { keys } = await stored(file.file_id);
    const object = (await apiEnv.BLOBS.get(keys[0]!))!;
    const kept = new Uint8Array(await object.arrayBuffer());
    const put = (body: Bytes) => apiEnv.BLOBS.put(keys[0]!, body, { customMetadata: object.customMetadata ?? {} });
    const wrong = kept.slice();
    wrong[5 * MiB]! ^= 1;
    await put(wrong);
    expect(await sha256((await download(file.file_id, "bytes=0-999")).bytes)).toBe(await sha256(bytes.slice(0, 1000)));
    await expect(download(file.file_id)).rejects.toThrow();
    wrong[0]! ^= 1;
    await put(wrong);
    expectProblem(await download(file.file_id), 500, "integrity_error");
    await apiEnv.BLOBS.delete(keys[0]!);
    expectProblem(await download(file.file_id), 500, "integrity_error");
    await put(kept);
    expect(await sha256((await download(file.file_id)).bytes)).toBe(file.content_hash);
  });
});
