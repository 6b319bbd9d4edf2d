/** Step 8 of the main job: both journeys of the seed, with the paths and the fields that they are written with. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import type { UploadSession } from "../../core/protocol/uploads.ts";
import { type Product, startProduct } from "../../scripts/lib/start-product.ts";
import { Archive, sha256 } from "../support/e2e/archive.ts";
import { Device } from "../support/e2e/device.ts";
import { temporaryData } from "../support/spawn-product.ts";

const data = temporaryData();
let product: Product;
let laptop: Device;
let phone: Device;

beforeAll(async () => {
  product = await startProduct({ port: 0, data: data.path, crons: false });
  laptop = await Device.register(product.url, "ada");
  phone = await Device.login(product.url, "ada", "Phone");
});

afterAll(async () => {
  await product?.stop();
  data[Symbol.dispose]();
});

test("step 8: journey 1 as it is written: a user uploads a file and shares it", async () => {
  const bytes = new Archive(10_485_760 - 1536, "journey 1").read(0, 10_485_760);
  const { used_bytes } = await laptop.quota();
  const start = { json: { parent_id: "root", name: "document.pdf", size: bytes.length } };
  const { upload_id, part_size } = await laptop.ok<UploadSession>("POST", "/v1/files/upload", start);
  const chunks: string[] = [];
  for (let at = 0; at < bytes.length; at += part_size) {
    const body = bytes.subarray(at, at + part_size);
    chunks.push(sha256(body));
    await laptop.ok("PUT", `/v1/chunks/${sha256(body)}?upload_id=${upload_id}&index=${chunks.length - 1}`, { body });
  }
  const created = await laptop.ask("POST", `/v1/uploads/${upload_id}/complete`, { json: { chunks } });
  const document = (await created.json()) as File;
  expect(created.status).toBe(201);
  expect(document).toMatchObject({ name: "document.pdf", size: 10_485_760 });
  expect((await laptop.quota()).used_bytes).toBe(used_bytes + 10_485_760);

  const share = { json: { permissions: "read", expires_in: 3600 } };
  const shared = await laptop.ask("POST", `/v1/files/${document.file_id}/share`, share);
  expect(shared.status).toBe(201);
  const { share_link } = (await shared.json()) as { share_link: string };
  expect(share_link).toMatch(/\/s\/[\w-]+$/);
  const token = share_link.slice(share_link.lastIndexOf("/") + 1);

  const info = await fetch(`${product.url}/v1/shares/${token}`);
  const told = (await info.json()) as { file_id: string; expires_at: string };
  expect([info.status, told]).toMatchObject([
    200,
    { file_id: document.file_id, name: "document.pdf", size: 10_485_760 },
  ]);
  expect(Math.abs(Date.parse(told.expires_at) - Date.now() - 3_600_000)).toBeLessThan(60_000);
  const download = await fetch(`${product.url}/v1/files/${told.file_id}/download?share_token=${token}`);
  expect(sha256(new Uint8Array(await download.arrayBuffer()))).toBe(sha256(bytes));
  // Without the token it is nobody's.
  expect((await fetch(`${product.url}/v1/files/${told.file_id}/download`)).status).toBe(401);
});

test.each(["RFC 3339", "Unix seconds"])(
  "step 8: journey 2 as it is written: a desktop client syncs (%s)",
  async (form) => {
    const poll = async (device: Device, since: number) => {
      const last_sync = form === "RFC 3339" ? new Date(since).toISOString() : String(since / 1000);
      const path = `/v1/files/sync?${new URLSearchParams({ last_sync })}`;
      return (await device.ok<{ changes: { op: string; file: File | null }[] }>("GET", path)).changes;
    };
    const timestamp = Date.now();
    expect(await poll(phone, timestamp)).toEqual([]);
    const name = `${form}.txt`;
    await laptop.upload(name, Buffer.from("as it was"));
    const [found, ...others] = await poll(phone, timestamp);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ op: "created", file: { name } });
    const { file_id } = found!.file!;
    const download = await phone.ask("GET", `/v1/files/${file_id}/download`);
    expect(await download.text()).toBe("as it was");

    const edited = await phone.ok<File>("PUT", `/v1/files/${file_id}`, { body: Buffer.from("as it is now") });
    expect(edited.version_number).toBe(2);
    const [seen] = await poll(laptop, timestamp);
    expect(seen).toMatchObject({ op: "modified", file: { file_id, version_id: edited.version_id } });
    expect(await (await laptop.ask("GET", `/v1/files/${file_id}/download`)).text()).toBe("as it is now");
  },
);
