/** Versions as what changed, blocks that the drive has and batches: our client against the product, bytes sent counted. */
import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  fetchTransport,
  Gate,
  Http,
  MemoryContentStates,
  MemoryStorage,
  type Sent,
  upload,
  uploadMany,
  type UploadRequest,
  type UploadTools,
} from "../../client/index.ts";
import { memorySource } from "../../core/delta/index.ts";
import { type Product, startProduct } from "../../scripts/lib/start-product.ts";
import { Device } from "../support/e2e/device.ts";
import { sha256 } from "../support/e2e/archive.ts";
import { makeZip } from "../support/make-zip.ts";
import { temporaryData } from "../support/spawn-product.ts";

const MIB = 1024 * 1024;
type Bytes = Uint8Array<ArrayBuffer>;

const data = temporaryData();
let product: Product;
let device: Device;
let tools: UploadTools;
const states = new MemoryContentStates();
let requests: { method: string; path: string; bytes: number }[] = [];
/** Asked before each request: true means that it never arrives. */
let isLost: (request: Sent) => boolean = () => false;

const random = (length: number): Bytes => new Uint8Array(randomBytes(length));
const joined = (...pieces: Uint8Array[]): Bytes => new Uint8Array(Buffer.concat(pieces));
const sent = (): number => requests.reduce((sum, { bytes }) => sum + bytes, 0);
const steps = (): string[] => requests.map(({ method, path }) => `${method} ${path.split("/")[3]}`);

function changedAt(bytes: Uint8Array, offset: number, length: number): Bytes {
  const changed = new Uint8Array(bytes);
  changed.set(randomBytes(length), offset);
  return changed;
}

const send = (name: string, bytes: Bytes, more: Partial<UploadRequest> = {}) => {
  requests = [];
  return upload(tools, { source: new File([bytes], name, { lastModified: 1e12 }), parent_id: "root", ...more });
};

async function expectBytes(file_id: string, bytes: Uint8Array): Promise<void> {
  expect(await device.downloadHash(file_id)).toBe(sha256(bytes));
}

beforeAll(async () => {
  product = await startProduct({ port: 0, data: data.path, crons: false });
  device = await Device.register(product.url, "ada");
  const token = device.signedIn.access_token;
  const http = new Http({
    origin: product.url,
    backoff_ms: 1,
    retries: 1,
    tokens: { access_token: () => token, fresh_token: async () => token, renew: async () => null },
    transport: (request) => {
      const { method, url, body } = request;
      const bytes =
        body === undefined
          ? 0
          : typeof body === "string"
            ? body.length
            : body instanceof Blob
              ? body.size
              : body.length;
      requests.push({ method, path: new URL(url).pathname, bytes });
      return isLost(request) ? Promise.reject(new TypeError("lost")) : fetchTransport(request);
    },
  });
  const { device_id } = device.signedIn;
  tools = { http, storage: new MemoryStorage(), gate: new Gate(5), device_id: () => device_id, states };
});

afterAll(async () => {
  await product?.stop();
  data[Symbol.dispose]();
});

test.each([
  [3 * MIB, 12 * 1024, 24 * 1024],
  [40 * MIB, 12 * 1024, 24 * 1024],
])(
  "U21: 4 KB changed in %i bytes: one request of %i bytes at most from old bytes, %i from signatures",
  async (size, most_old, most_signed) => {
    const first = random(size);
    const { file_id } = await send(`edit-${size}.bin`, first);
    const second = changedAt(first, size / 3, 4096);
    const made = await send("edit.bin", second, { file_id, old: memorySource(first) });
    expect(steps()).toEqual(["POST sync"]);
    expect(sent()).toBeLessThan(most_old);
    await expectBytes(file_id, second);
    const third = changedAt(second, size / 2, 4096);
    await send("edit.bin", third, { file_id, if_version_id: made.version_id! });
    expect(steps()).toEqual(["POST sync"]);
    expect(sent()).toBeLessThan(most_signed);
    await expectBytes(file_id, third);
  },
);

test("U17, U18: what is inserted into a large file goes as frames, is interrupted, and goes on", async () => {
  const before = random(24 * MIB);
  const { file_id } = await send("insert.bin", before);
  const after = joined(before.subarray(0, MIB), random(18 * MIB), before.subarray(MIB));
  // One part at a time, and the second is lost.
  const { gate } = tools;
  tools.gate = new Gate(1);
  let parts = 0;
  isLost = ({ url }) => url.includes("/chunks/") && ++parts > 1;
  await expect(send("insert.bin", after, { file_id })).rejects.toThrow("cannot be reached");
  tools.gate = gate;
  isLost = () => false;
  await send("insert.bin", after, { file_id });
  expect(requests.some(({ path }) => path.endsWith("/files/upload"))).toBe(false);
  expect(sent()).toBeLessThan(16 * MIB);
  await expectBytes(file_id, after);
  const again = changedAt(after, 30 * MIB, 4096);
  await send("insert.bin", again, { file_id });
  expect(sent()).toBeLessThan(24 * 1024);
  await expectBytes(file_id, again);
});

test("D14: a document of deflated members is sent as what changed within them", async () => {
  const words = Array.from({ length: 4000 }, () => randomBytes(3).toString("hex"));
  const text = (seed: number): string =>
    Array.from({ length: 40_000 }, (_, i) => words[(i * 7 + ((i * seed) >> 5)) % 4000]).join(" ");
  const archive = (pages: string[]): Bytes =>
    makeZip(
      pages.map((page, i) => {
        const bytes = new TextEncoder().encode(page);
        return { name: `word/${i}.xml`, bytes, deflated: deflateRawSync(bytes) };
      }),
    ) as Bytes;
  const pages = [1, 2, 3, 4, 5, 6].map(text);
  const before = archive(pages);
  const { file_id } = await send("letter.docx", before);
  const after = archive([pages[0]!, pages[1]!.replace(words[77]!, "changed"), ...pages.slice(2)]);
  await send("letter.docx", after, { file_id, old: memorySource(before) });
  expect(steps()).toEqual(["POST sync"]);
  expect(sent()).toBeLessThan(0.05 * after.length);
  await expectBytes(file_id, after);
});

test("U19, U20: the base was purged, the state is of no use: only what the drive lacks is sent", async () => {
  const first = random(9 * MIB);
  const { file_id, version_id } = await send("purged.bin", first);
  const kept = (await states.get(file_id))!;
  const second = changedAt(first, 7 * MIB, 4096);
  await send("purged.bin", second, { file_id });
  await device.ok("DELETE", `files/${file_id}/versions/${version_id}`);
  await states.set(file_id, kept);
  const third = changedAt(second, MIB, 4096);
  await send("purged.bin", third, { file_id });
  expect(steps()).toContain("POST uploads");
  expect(sent()).toBeLessThan(MIB);
  await expectBytes(file_id, third);
});

test("D7, U16: without a state, with a state of lies, with old bytes that are others: the exact file", async () => {
  const first = random(5 * MIB);
  const { file_id } = await send("lies.bin", first);
  const second = changedAt(first, MIB, 9000);
  await send("lies.bin", second, { file_id, old: memorySource(random(5 * MIB)) });
  await expectBytes(file_id, second);
  const third = changedAt(second, 2 * MIB, 9000);
  await send("lies.bin", third, { file_id, old: memorySource(changedAt(second, 2 * MIB + 4096, 2000)) });
  await expectBytes(file_id, third);
  await states.remove(file_id);
  const fourth = changedAt(third, 3 * MIB, 9000);
  await send("lies.bin", fourth, { file_id });
  expect(sent()).toBeLessThan(MIB);
  await expectBytes(file_id, fourth);
});

test("U20, M10: a new large file that is like another one sends what is new", async () => {
  const first = random(65 * MIB);
  await send("one.bin", first);
  const second = joined(random(2 * MIB), first.subarray(0, 64 * MIB));
  const { file_id } = await send("two.bin", second);
  expect(sent()).toBeLessThan(8 * MIB);
  await expectBytes(file_id, second);
});

test("412 is told by every way", async () => {
  const first = random(9 * MIB);
  const { file_id, version_id } = await send("guarded.bin", first);
  const second = changedAt(first, MIB, 10);
  const kept = (await states.get(file_id))!;
  await send("guarded.bin", second, { file_id });
  const refused = { code: "precondition_failed", status: 412 };
  await expect(send("guarded.bin", first, { file_id, if_version_id: version_id! })).rejects.toMatchObject(refused);
  await states.set(file_id, kept);
  const much = joined(random(8 * MIB), first);
  await expect(send("guarded.bin", much, { file_id, if_version_id: version_id! })).rejects.toMatchObject(refused);
  await states.remove(file_id);
  await expect(send("guarded.bin", much, { file_id, if_version_id: version_id! })).rejects.toMatchObject(refused);
  await expectBytes(file_id, second);
});

test("U21, U22: many small files in a few requests, each answered for itself; an answer that was lost makes nothing twice", async () => {
  const folder = await device.ok<{ file_id: string }>("POST", "folders", { json: { parent_id: "root", name: "many" } });
  const contents = Array.from({ length: 700 }, (_, i) =>
    i % 50 === 7 ? new Uint8Array() : random(1 + (i % 40) * 137),
  );
  const many: UploadRequest[] = contents.map((bytes, i) => ({
    source: new File([bytes as Bytes], `${i === 99 ? 98 : i}`, { lastModified: 1e12 }),
    parent_id: folder.file_id,
  }));
  requests = [];
  const done = await uploadMany(tools, many);
  expect(requests).toHaveLength(2);
  for (const [i, result] of done.entries())
    if (i === 99) expect(result).toMatchObject({ reason: { code: "name_taken" } });
    else await expectBytes((result as PromiseFulfilledResult<{ file_id: string }>).value.file_id, contents[i]!);
  const again = await uploadMany(tools, many);
  expect(again.map((r) => r.status === "fulfilled" && r.value.file_id)).toEqual(
    done.map((r) => r.status === "fulfilled" && r.value.file_id),
  );
});
