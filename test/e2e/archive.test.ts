/** docs/spec/archive.md on the product as `npm start` runs it: real HTTP, real sizes, the programs that people have. */
import { execFileSync, spawnSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startProduct, type Product } from "../../scripts/lib/start-product.ts";
import { waitFor } from "../support/wait-for.ts";
import { temporaryData } from "../support/spawn-product.ts";

const MiB = 1024 * 1024;
const data = temporaryData();
let product: Product;
let token: string;

async function ask<T>(method: string, path: string, body?: BodyInit): Promise<T> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (typeof body === "string") headers["content-type"] = "application/json";
  const answer = await fetch(`${product.url}/api/v1${path}`, { method, headers, body });
  const text = await answer.text();
  expect(answer.ok, `${method} ${path}: ${text}`).toBe(true);
  return (text === "" ? {} : JSON.parse(text)) as T;
}

const folder = async (name: string, parent_id = "root"): Promise<string> =>
  (await ask<{ file_id: string }>("POST", "/folders", JSON.stringify({ parent_id, name }))).file_id;
const upload = (name: string, bytes: Uint8Array<ArrayBuffer>, parent_id: string): Promise<{ file_id: string }> =>
  ask("POST", `/files/upload?${new URLSearchParams({ parent_id, name })}`, new Blob([bytes]));
const get = (id: string, method = "GET"): Promise<Response> =>
  fetch(`${product.url}/api/v1/folders/${id}/archive`, { method, headers: { authorization: `Bearer ${token}` } });

beforeAll(async () => {
  product = await startProduct({ port: 0, data: data.path, crons: false });
  const account = { email: "ada@example.org", password: "correct horse battery", name: "Ada" };
  ({ access_token: token } = await ask<{ access_token: string }>("POST", "/auth/register", JSON.stringify(account)));
});

afterAll(async () => {
  await product?.stop();
  data[Symbol.dispose]();
});

const hasUnzip = spawnSync("unzip", ["-v"]).status === 0;

it("Z1, Z5: a large file beside many small ones: the length that HEAD and GET announce, and a whole archive", async () => {
  const top = await folder("Everything");
  const inner = await folder("small ones", top);
  await folder("empty", top);
  await upload("large.bin", new Uint8Array(80 * MiB).fill(7), top);
  for (let i = 0; i < 10; i++)
    await Promise.all(
      Array.from({ length: 12 }, (_, k) => upload(`№ ${i * 12 + k}.txt`, new Uint8Array(k * 100), inner)),
    );
  const head = await get(top, "HEAD");
  const answer = await get(top);
  expect(answer.headers.get("content-encoding")).toBe("identity");
  expect(answer.headers.get("content-length")).toBe(head.headers.get("content-length"));
  const path = join(data.path, "archive.zip");
  let bytes = 0;
  const counted = async function* (source: AsyncIterable<Uint8Array>) {
    for await (const piece of source) {
      bytes += piece.length;
      yield piece;
    }
  };
  await pipeline(Readable.fromWeb(answer.body as never), counted, createWriteStream(path));
  expect(String(bytes)).toBe(answer.headers.get("content-length"));
  if (hasUnzip) expect(execFileSync("unzip", ["-tq", path], { encoding: "utf8" })).toContain("No errors detected");
});

it("Z10: a file whose bytes are gone breaks the transfer off; no client takes it for whole", async () => {
  const top = await folder("Damaged");
  await upload("a.bin", new Uint8Array(MiB).fill(1), top);
  const bucket = await product.mf.getR2Bucket("BLOBS", "edgedrive-api");
  const replica = await product.mf.getR2Bucket("BLOBS_REPLICA", "edgedrive-api");
  const keys = async (): Promise<string[]> => (await bucket.list()).objects.map(({ key }) => key);
  const before = await keys();
  await upload("b.bin", new Uint8Array(20 * MiB).fill(2), top);
  for (const key of (await keys()).filter((key) => !before.includes(key))) {
    // Else it would be copied after it was deleted there.
    await waitFor(async () => (await replica.head(key)) !== null);
    await Promise.all([bucket.delete(key), replica.delete(key)]);
  }
  const answer = await get(top);
  expect(answer.status).toBe(200);
  // Only its length: a failure would else print all of it.
  await expect(answer.arrayBuffer().then((whole) => whole.byteLength)).rejects.toThrow();
});
