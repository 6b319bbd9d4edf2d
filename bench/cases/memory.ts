import type { File } from "../../core/protocol/files.ts";
import { RUNTIME_FLAGS } from "../../scripts/lib/start-product.ts";
import { startFloor } from "../floor/start.ts";
import { randomPieces } from "../lib/bodies.ts";
import type { Report } from "../lib/case.ts";
import type { CleanUp } from "../lib/clean-up.ts";
import { Http } from "../lib/http.ts";
import { Account, BASE, startBenched } from "../lib/product.ts";
import type { Sizes } from "../lib/sizes.ts";
import { type Workerd, withWorkerd } from "../lib/workerd.ts";

const MB = 1e6;
/** Files at a time. */
const LANES = 5;
const ROUNDS = 3;
/** What the product may take beside the bare put. */
const BAR = 150 * MB;

/** One way to store and read a file of a size. */
interface Side {
  store(lane: number, size: number): Promise<string>;
  /** @returns bytes that came */
  read(key: string): Promise<number>;
  before?(): Promise<void>;
  workerd: Workerd;
}

interface Peaks {
  upload: number;
  download: number;
}

async function productSide(cleanUp: CleanUp): Promise<Side> {
  const { started, workerd } = await withWorkerd(() => startBenched(cleanUp, { observability: false }));
  const account = await Account.register(started.url, "memory");
  let serial = 0;
  return {
    workerd,
    before: () => account.refresh(),
    async store(_lane, size) {
      const query = new URLSearchParams({ parent_id: "root", name: `${serial++}.bin` });
      const body = await account.http.send("POST", `${BASE}/files/upload?${query}`, size, randomPieces(size));
      return `${BASE}/files/${(JSON.parse(body.toString()) as File).file_id}/download`;
    },
    read: (path) => account.http.receive(path),
  };
}

async function floorSide(cleanUp: CleanUp): Promise<Side> {
  // The runtime as it comes: what the product sets it to is a part of what it takes.
  delete process.env[RUNTIME_FLAGS];
  const { started, workerd } = await withWorkerd(() => startFloor(cleanUp, 1));
  const http = new Http(started);
  return {
    workerd,
    async store(lane, size) {
      await http.send("PUT", `/object/lane-${lane}`, size, randomPieces(size));
      return `/object/lane-${lane}`;
    },
    read: (path) => http.receive(path),
  };
}

async function round({ store, read, before, workerd }: Side, size: number): Promise<Peaks> {
  const lanes = Array.from({ length: LANES }, (_, lane) => lane);
  await before?.();
  workerd.forgetPeak();
  const keys = await Promise.all(lanes.map((lane) => store(lane, size)));
  const upload = workerd.peak;
  await before?.();
  workerd.forgetPeak();
  const received = await Promise.all(keys.map(read));
  if (received.some((bytes) => bytes !== size)) throw new Error("a download is not whole");
  return { upload, download: workerd.peak };
}

/**
 * Resident memory of each side's workerd while five large files go up, then down, three times. Each side has a fresh
 * process: what other cases left behind would count.
 */
export async function measureMemory(cleanUp: CleanUp, { memory: size }: Sizes): Promise<Report[]> {
  const peaks: { product: Peaks; floor: Peaks }[] = [];
  const product = await productSide(cleanUp);
  const floor = await floorSide(cleanUp);
  for (let i = 0; i < ROUNDS; i++) peaks.push({ floor: await round(floor, size), product: await round(product, size) });
  await cleanUp.run();

  const most = (of: (peak: Peaks) => number) => Math.max(...peaks.map(({ floor }) => of(floor)));
  const bars: Peaks = { upload: most((p) => p.upload) + BAR, download: most((p) => p.download) + BAR };
  const mb = (bytes: number): string => (bytes / MB).toFixed(0);
  const rows = peaks.flatMap(({ product, floor }, i) =>
    (["upload", "download"] as const).map((way) => {
      const verdict = product[way] <= bars[way] ? "met" : "missed";
      return [`round ${i + 1}, ${way}s`, mb(product[way]), mb(floor[way]), `${verdict}: ${mb(bars[way])}`];
    }),
  );
  const title = `Peak of the runtime's resident memory, ${LANES} files of ${mb(size)} MB at a time (MB)`;
  return [{ title, header: ["measure", "product", "floor", "bar"], rows }];
}
