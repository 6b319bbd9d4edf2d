/** A file in chunks gets the hash of the whole soon after, and its devices hear of it. docs/spec/storage.md, S5 to S7. */
import { createHash, randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import type { File, UploadedFile } from "../../core/protocol/files.ts";
import type { UploadSession } from "../../core/protocol/uploads.ts";
import { type Product, startProduct } from "../../scripts/lib/start-product.ts";
import { Device } from "../support/e2e/device.ts";
import { temporaryData } from "../support/spawn-product.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function start(data: string): Promise<Product & AsyncDisposable> {
  const product = await startProduct({ port: 0, data, crons: false });
  return { ...product, [Symbol.asyncDispose]: () => product.stop() };
}

async function sendInChunks(device: Device, name: string, bytes: Uint8Array): Promise<File> {
  const json = { parent_id: "root", name, size: bytes.length };
  const { upload_id, part_size } = await device.ok<UploadSession>("POST", "files/upload", { json });
  const chunks: string[] = [];
  for (let at = 0; at < bytes.length; at += part_size) {
    const body = bytes.subarray(at, at + part_size);
    chunks.push(sha256(body));
    await device.ok("PUT", `chunks/${chunks.at(-1)}?upload_id=${upload_id}&index=${chunks.length - 1}`, { body });
  }
  return device.ok<File>("POST", `uploads/${upload_id}/complete`, { json: { chunks } });
}

const fileOf = (device: Device, { file_id }: File): Promise<File> => device.ok<File>("GET", `files/${file_id}`);

it("is seen by GET within seconds; downloads have their digest, and the next one is instant", async () => {
  using data = temporaryData();
  await using product = await start(data.path);
  const device = await Device.register(product.url, "ada");
  const bytes = randomBytes(20 * MiB);
  const hash = sha256(bytes);
  const file = await sendInChunks(device, "chunks.bin", bytes);
  expect(file).toMatchObject({ content_hash: null, integrity: "pending" });
  await waitFor(async () => (await fileOf(device, file)).integrity !== "pending", 20_000);
  expect(await fileOf(device, file)).toMatchObject({
    content_hash: hash,
    integrity: "ok",
    version_id: file.version_id,
  });
  const { headers } = await device.ask("HEAD", `files/${file.file_id}/download`);
  expect(headers.get("repr-digest")).toBe(`sha-256=:${Buffer.from(hash, "hex").toString("base64")}:`);
  const json = { parent_id: "root", name: "again.bin", size: bytes.length, content_hash: hash };
  expect(await device.ok<UploadedFile>("POST", "files/upload", { json })).toMatchObject({ instant: true });
});

it("E14: what a restart loses from the queues is verified after it, by the sweep", async () => {
  using data = temporaryData();
  const bytes = randomBytes(9 * MiB);
  const [signedIn, file] = await sendAndStop(data.path, bytes);
  await using product = await start(data.path);
  const device = new Device(product.url, signedIn);
  await waitFor(async () => {
    await product.tick();
    return (await fileOf(device, file)).integrity === "ok";
  }, 60_000);
  expect((await fileOf(device, file)).content_hash).toBe(sha256(bytes));
});

async function sendAndStop(data: string, bytes: Uint8Array): Promise<[Device["signedIn"], File]> {
  await using product = await start(data);
  const device = await Device.register(product.url, "ada");
  return [device.signedIn, await sendInChunks(device, "chunks.bin", bytes)];
}
