import { createHash, randomBytes } from "node:crypto";
import type { File } from "../../core/protocol/files.ts";
import { sendBatch } from "../lib/batch.ts";
import type { Report } from "../lib/case.ts";
import type { CleanUp } from "../lib/clean-up.ts";
import { Http } from "../lib/http.ts";
import { inFlight } from "../lib/in-flight.ts";
import { Account, BASE, startBenched } from "../lib/product.ts";
import type { Sizes } from "../lib/sizes.ts";
import { dollars, times } from "../lib/table.ts";
import { waitUntil } from "../lib/wait-until.ts";
import { type Operations, priceOf, rowsWritten, SEED_PRICES } from "./prices.ts";
import { type Counted, Traces } from "./traces.ts";

interface Line {
  what: string;
  seed: number | null;
  run(): Promise<unknown>;
  /** How many operations `run` does: what is shown is the mean. */
  count?: number;
}

const MB = 1_000_000;
const WORD = "quicksilver";

/** Each is done once before it is counted, by other names: what a Worker remembers for a minute is then there. */
async function operations(product: Account, sizes: Sizes): Promise<Line[]> {
  const { http } = product;
  const get = (path: string) => () => http.ask("GET", `${BASE}${path}`);
  const many = sizes.small_files;
  const batched = sizes.batched_files;
  let serial = 0;
  const upload = (size: number) => () => product.upload(`${serial++}.bin`, randomBytes(size));

  const { file_id: folder_id } = await product.folder("listed");
  await inFlight(Math.min(sizes.entries, 200), 32, (i) => product.folder(`entry ${i}`, folder_id));
  const bytes = randomBytes(5 * MB);
  const content_hash = createHash("sha256").update(bytes).digest("hex");
  const file = await product.upload("file.bin", bytes);
  await product.upload("words.txt", Buffer.from(`Found by ${WORD}.`));
  await waitUntil(`search finds "${WORD}"`, 30_000, async () => {
    const { items } = await http.json<{ items: unknown[] }>("GET", `${BASE}/search?q=${WORD}`);
    return items.length > 0;
  });

  const link = { link: true, permission: "view", expires_in: 3600 };
  const share = () => http.json<{ token: string }>("POST", `${BASE}/files/${file.file_id}/share`, { json: link });
  const visitor = new Http(http.origin);
  const { token } = await share();
  const hit = () => visitor.ask("GET", `/s/${token}/download`);
  return [
    // First: what comes after it changes something.
    {
      what: "sync check, nothing new",
      seed: SEED_PRICES.sync_check,
      run: get(`/sync/changes?cursor=${encodeURIComponent(await product.cursor())}`),
    },
    { what: "upload of 4 KiB", seed: null, run: upload(4096) },
    {
      what: `upload of 4 KiB, one of ${many} with 8 in flight`,
      seed: null,
      run: () => inFlight(many, 8, upload(4096)),
      count: many,
    },
    { what: "upload of 5 MB", seed: SEED_PRICES.upload_5_mb, run: upload(5 * MB) },
    {
      what: "duplicate of 5 MB, by its hash",
      seed: null,
      run: () =>
        http.ask("POST", `${BASE}/files/upload`, {
          json: { parent_id: "root", name: `duplicate ${serial++}.bin`, size: bytes.length, content_hash },
        }),
    },
    {
      what: `batch of ${batched.toLocaleString("en")} new files of 1 KB`,
      seed: null,
      run: () => sendBatch(product, "root", batched, 1024),
    },
    {
      what: "copy of a file",
      seed: null,
      run: () => http.ask("POST", `${BASE}/files/${file.file_id}/copy`, { json: {} }),
    },
    {
      what: "download of 5 MB",
      seed: SEED_PRICES.download_5_mb,
      run: get(`/files/${file.file_id}/download`),
    },
    { what: "search", seed: SEED_PRICES.search, run: get(`/search?q=${WORD}`) },
    { what: "listing, 200 entries", seed: null, run: get(`/folders/${folder_id}/contents`) },
    {
      what: "rename of that folder",
      seed: null,
      run: () => http.json<File>("PATCH", `${BASE}/files/${folder_id}`, { json: { name: `listed ${serial++}` } }),
    },
    { what: "share, a link", seed: null, run: share },
    { what: "link, first download of 5 MB", seed: null, run: hit },
    { what: "link, second download", seed: null, run: hit },
  ];
}

const tenths = (n: number): number => Math.round(n * 10) / 10;

function meanOf(total: Operations, count: number): Operations {
  const entries = Object.entries(total).map(([name, sum]) => [name, tenths(sum / count)]);
  return Object.fromEntries(entries) as Operations;
}

const slashed = (...numbers: number[]): string => numbers.join(" / ");

function row({ what, seed, count = 1 }: Line, { all, later }: Counted): string[] {
  const counted = meanOf(all, count);
  const left = rowsWritten(meanOf(later, count));
  const price = priceOf(counted);
  return [
    what,
    String(counted.requests),
    slashed(counted.d1_rows_read, counted.d1_rows_written),
    `${tenths(rowsWritten(counted) - left)} + ${tenths(left)}`,
    String(counted.object_requests),
    slashed(counted.object_rows_read, counted.object_rows_written),
    slashed(counted.r2_class_a, counted.r2_class_b),
    String(counted.queue_messages),
    dollars(price),
    ...(seed === null ? ["", ""] : [dollars(seed), times(price / seed)]),
  ];
}

/** A pass of its own: traces slow everything down. */
export async function countOperations(cleanUp: CleanUp, sizes: Sizes): Promise<Report[]> {
  const running = await startBenched(cleanUp, { observability: true });
  const product = await Account.register(running.url, "counted");
  const traces = new Traces(running.url);
  const rows: string[][] = [];
  for (const line of await operations(product, sizes)) {
    // A link's first hit is the one that counts.
    if (!line.what.startsWith("link")) await line.run();
    rows.push(row(line, await traces.count(line.run)));
  }
  return [
    {
      title: "Operations and list prices ($), with what the queues do afterwards",
      header: [
        "operation",
        "requests",
        "D1 rows r / w",
        "rows w at once + later",
        "object calls",
        "object rows r / w",
        "R2 A / B",
        "messages",
        "price",
        "seed",
        "x seed",
      ],
      rows,
    },
  ];
}
