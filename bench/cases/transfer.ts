import { createHash, randomFillSync } from "node:crypto";
import type { File } from "../../core/protocol/files.ts";
import { MAX_PARALLEL, type uploadSessionSchema } from "../../core/protocol/uploads.ts";
import type { z } from "zod";
import { type Case, rateRow, type Sides } from "../lib/case.ts";
import { fillWithText } from "../lib/bodies.ts";
import { inFlight } from "../lib/in-flight.ts";
import { inTurns } from "../lib/pairs.ts";
import { waitForHash } from "../lib/wait-until.ts";
import { BASE } from "../lib/product.ts";
import { timed } from "../lib/stats.ts";

const MiB = 1024 * 1024;
/** What the product's sessions use for a file of this size; the floor's parts are as large. */
const PART = 8 * MiB;

type Session = z.infer<typeof uploadSessionSchema>;

/** New bytes for every upload: nothing may be saved by having them already. */
class Body {
  readonly bytes: Uint8Array;
  parts: Uint8Array[] = [];
  ids: string[] = [];

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  renew(kind: "random" | "text" = "random"): this {
    if (kind === "text") fillWithText(this.bytes);
    else for (let at = 0; at < this.bytes.length; at += MiB) randomFillSync(this.bytes.subarray(at, at + MiB));
    const count = Math.ceil(this.bytes.length / PART);
    this.parts = Array.from({ length: count }, (_, i) => this.bytes.subarray(i * PART, (i + 1) * PART));
    this.ids = this.parts.map((part) => createHash("sha256").update(part).digest("hex"));
    return this;
  }
}

async function productParts({ product: { http } }: Sides, name: string, { bytes, parts, ids }: Body): Promise<File> {
  const json = { parent_id: "root", name, size: bytes.length };
  const { upload_id, part_size } = await http.json<Session>("POST", `${BASE}/files/upload`, { json });
  if (part_size !== PART) throw new Error(`the product's parts have ${part_size} bytes, the bench's ${PART}`);
  await inFlight(parts.length, MAX_PARALLEL, (index) =>
    http.ask("PUT", `${BASE}/chunks/${ids[index]}?upload_id=${upload_id}&index=${index}`, { body: parts[index]! }),
  );
  return http.json<File>("POST", `${BASE}/uploads/${upload_id}/complete`, { json: { chunks: ids } });
}

/** The verification is awaited, and not counted. */
async function timedParts(sides: Sides, name: string, body: Body): Promise<number> {
  let file: File | undefined;
  const ms = await timed(async () => (file = await productParts(sides, name, body)));
  const path = `${BASE}/files/${file!.file_id}`;
  await waitForHash(() => sides.product.http.json<File>("GET", path));
  return ms;
}

async function floorParts({ floor }: Sides, key: string, { parts }: Body): Promise<void> {
  const { upload_id } = await floor.json<{ upload_id: string }>("POST", `/multipart/${key}`);
  const uploaded: unknown[] = [];
  await inFlight(parts.length, MAX_PARALLEL, async (index) => {
    const query = new URLSearchParams({ upload_id, part: String(index + 1) });
    uploaded[index] = await floor.json("PUT", `/multipart/${key}?${query}`, { body: parts[index]! });
  });
  await floor.ask("POST", `/complete/${key}?${new URLSearchParams({ upload_id })}`, { json: uploaded });
}

/** The whole in ranges of a part each, as many at a time as the product allows for uploads. */
async function ranges(size: number, get: (range: string) => Promise<{ body: Buffer }>): Promise<void> {
  let received = 0;
  await inFlight(Math.ceil(size / PART), MAX_PARALLEL, async (index) => {
    const { body } = await get(`bytes=${index * PART}-${Math.min(size, (index + 1) * PART) - 1}`);
    received += body.length;
  });
  requireAll(received, size);
}

function requireAll(received: number, size: number): void {
  if (received !== size) throw new Error(`${received} bytes of ${size} came back`);
}

export const transfer: Case = {
  name: "transfer",
  async run(sides) {
    const { product, floor, sizes } = sides;
    const { large: size, large_runs: runs } = sizes;
    const body = new Body(size);
    const options = { warm_up: 1, rest: true };
    const amount = size / 1e6;
    const rows: string[][] = [];
    const label = `${size / MiB} MiB`;
    let serial = 0;

    const inParts = new Body(sizes.large_parts);
    for (const kind of ["random", "text"] as const) {
      const whole = await inTurns(
        {
          product: () => (body.renew(kind), timed(() => product.upload(`whole ${serial++}.bin`, body.bytes))),
          floor: () => (
            body.renew(kind),
            timed(() => floor.ask("PUT", `/object/whole-${serial++}`, { body: body.bytes }))
          ),
        },
        runs,
        options,
      );
      rows.push(rateRow(`upload ${label} of ${kind}, one stream`, whole, amount));
      const parts = await inTurns(
        {
          product: () => (inParts.renew(kind), timedParts(sides, `parts ${serial++}.bin`, inParts)),
          floor: () => (inParts.renew(kind), timed(() => floorParts(sides, `parts-${serial++}`, inParts))),
        },
        runs,
        options,
      );
      const what = `upload ${sizes.large_parts / MiB} MiB of ${kind}, in parts, ${MAX_PARALLEL} in flight`;
      rows.push(rateRow(what, parts, sizes.large_parts / 1e6));
    }

    const file = await product.upload("download.bin", body.renew().bytes);
    await floor.ask("PUT", "/object/download", { body: body.bytes });
    await floorParts(sides, "download-parts", body);
    const path = `${BASE}/files/${file.file_id}/download`;
    const one = async (get: () => Promise<{ body: Buffer }>): Promise<number> =>
      timed(async () => requireAll((await get()).body.length, size));
    const get = (range: string) => product.http.ask("GET", path, { headers: { range } });
    const downloads = [
      ["one stream; floor: object of one put", "download", false],
      ["one stream; floor: object of parts", "download-parts", false],
      [`by ranges, ${MAX_PARALLEL} in flight; floor: object of parts`, "download-parts", true],
    ] as const;
    for (const [what, key, byRanges] of downloads) {
      const fromFloor = (range: string) => floor.ask("GET", `/object/${key}`, { headers: { range } });
      const samples = await inTurns(
        {
          product: () => (byRanges ? timed(() => ranges(size, get)) : one(() => product.http.ask("GET", path))),
          floor: () =>
            byRanges ? timed(() => ranges(size, fromFloor)) : one(() => floor.ask("GET", `/object/${key}`)),
        },
        runs,
        options,
      );
      rows.push(rateRow(`download ${label}, ${what}`, samples, amount));
    }
    return [{ title: "Large files (MB/s, 10^6 bytes)", header: ["measure", "product", "floor", "x floor"], rows }];
  },
};
