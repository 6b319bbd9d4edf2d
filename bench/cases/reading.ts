import { createHash, randomFillSync } from "node:crypto";
import type { z } from "zod";
import type { BlockBits } from "../../core/blocks/classes.ts";
import type { File } from "../../core/protocol/files.ts";
import { MAX_PARALLEL, type uploadSessionSchema } from "../../core/protocol/uploads.ts";
import { type Case, rateRow, type Sides, timeRow } from "../lib/case.ts";
import { inFlight } from "../lib/in-flight.ts";
import { runsOf, storedBlocks } from "../lib/layout.ts";
import { inTurns } from "../lib/pairs.ts";
import { BASE } from "../lib/product.ts";
import { timed } from "../lib/stats.ts";

const MiB = 1024 * 1024;
const RANGE = 64 * 1024;
/** Bytes of a leaf, about: what the product reads before a range's blocks. */
const LEAF = 8 * 1024;

type Session = z.infer<typeof uploadSessionSchema>;

const random = (size: number): Uint8Array => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += MiB) randomFillSync(bytes.subarray(at, Math.min(size, at + MiB)));
  return bytes;
};

interface Stored {
  path: string;
  bits: BlockBits;
  chunks: Uint8Array[];
  part_size: number;
}

/** A file of `size` bytes; `repeated`: one chunk, as often as it takes. */
async function store({ product: { http } }: Sides, name: string, size: number, repeated: boolean): Promise<Stored> {
  const json = { parent_id: "root", name, size };
  const session = await http.json<Session>("POST", `${BASE}/files/upload`, { json });
  const { upload_id, part_size } = session;
  const count = Math.ceil(size / part_size);
  const length = (i: number): number => Math.min(part_size, size - i * part_size);
  const chunks = Array.from({ length: repeated ? 1 : count }, (_, i) => random(length(i)));
  const ids = chunks.map((chunk) => createHash("sha256").update(chunk).digest("hex"));
  await inFlight(chunks.length, MAX_PARALLEL, (i) =>
    http.ask("PUT", `${BASE}/chunks/${ids[i]}?upload_id=${upload_id}&index=${i}`, { body: chunks[i]! }),
  );
  const order = repeated ? Array.from({ length: count }, () => ids[0]!) : ids;
  const file = await http.json<File>("POST", `${BASE}/uploads/${upload_id}/complete`, { json: { chunks: order } });
  const path = `${BASE}/files/${file.file_id}/download`;
  return { path, bits: session.block_bits as BlockBits, chunks, part_size };
}

/** Downloads beside a floor that makes the same ranged reads, decrypts and hashes. */
export const reading: Case = {
  name: "reading",
  async run(sides) {
    const { product, floor, sizes } = sides;
    const { whole, ranged, ranges, large_runs: runs } = sizes;
    const options = { warm_up: 1, rest: true };

    const file = await store(sides, "whole.bin", whole, false);
    const layouts = await Promise.all(file.chunks.map((chunk) => storedBlocks(chunk, file.bits)));
    for (const [i, blocks] of layouts.entries()) await floor.ask("PUT", `/sealed/whole-${i}`, { json: blocks });
    await inFlight(file.chunks.length, MAX_PARALLEL, (i) =>
      floor.ask("PUT", `/object/bare-${i}`, { body: file.chunks[i]! }),
    );
    const reads = layouts.flatMap((blocks, i) => runsOf(`whole-${i}`, blocks));
    const all = async (get: () => Promise<{ body: Buffer }>): Promise<number> =>
      timed(async () => {
        const { body } = await get();
        if (body.length !== whole) throw new Error(`${body.length} bytes of ${whole} came back`);
      });
    const fromProduct = (): Promise<number> => all(() => product.http.ask("GET", file.path));
    const opened = await inTurns(
      { product: fromProduct, floor: () => all(() => floor.ask("POST", "/opened/none", { json: reads })) },
      runs,
      options,
    );
    const bare = await inTurns(
      {
        product: fromProduct,
        floor: () => timed(() => inFlight(file.chunks.length, 1, (i) => floor.ask("GET", `/object/bare-${i}`))),
      },
      runs,
      options,
    );

    const sparse = await store(sides, "ranged.bin", ranged, true);
    const blocks = await storedBlocks(sparse.chunks[0]!, sparse.bits);
    await floor.ask("PUT", "/sealed/ranged", { json: blocks });
    await floor.ask("PUT", "/sealed/leaf", { json: [LEAF] });
    const leaf = { key: "leaf", offset: 0, blocks: [LEAF], first: 0 };
    const starts = Array.from({ length: ranges }, () => Math.floor(Math.random() * (ranged - RANGE)));
    const one = (start: number) => {
      const range = `bytes=${start}-${start + RANGE - 1}`;
      return product.http.ask("GET", sparse.path, { headers: { range } });
    };
    const same = (start: number) => {
      const from = start % sparse.part_size;
      const json = [leaf, ...runsOf("ranged", blocks, Math.min(from, sparse.part_size - RANGE), RANGE)];
      return floor.ask("POST", "/opened/none", { json });
    };
    const each = async (get: (start: number) => Promise<unknown>): Promise<number> =>
      (await timed(() => inFlight(ranges, 1, (i) => get(starts[i]!)))) / ranges;
    const samples = await inTurns({ product: () => each(one), floor: () => each(same) }, Math.min(3, runs), options);

    const amount = whole / 1e6;
    return [
      {
        title: "Reading whole files (MB/s, 10^6 bytes)",
        header: ["measure", "product", "floor", "x floor"],
        rows: [
          rateRow(`download ${whole / MiB} MiB; floor: the same reads, decrypted and hashed`, opened, amount),
          rateRow(`download ${whole / MiB} MiB; floor: bare reads of whole objects`, bare, amount),
        ],
      },
      {
        title: "Reading ranges (ms)",
        header: ["measure", "product", "floor", "x floor"],
        rows: [
          timeRow(
            `${ranges} ranges of 64 KiB of ${ranged / MiB} MiB; floor: one query, a leaf and the same blocks, opened`,
            samples,
          ),
        ],
      },
    ];
  },
};
