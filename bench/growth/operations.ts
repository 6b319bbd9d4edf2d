import { createHash, randomBytes } from "node:crypto";
import { sendBatch } from "../lib/batch.ts";
import { inFlight } from "../lib/in-flight.ts";
import { type Account, BASE } from "../lib/product.ts";

const SEED_FILE = 5_000_000;
const LISTED = 200;
const RANGE = 65_536;
const BATCH = 10;
const BATCHED = 100;

/** What must cost the same, however much a tenant has. Each can be done again and again. */
export async function growingOperations(product: Account): Promise<Record<string, () => Promise<unknown>>> {
  const { http } = product;
  let serial = 0;
  const { file_id: home } = await product.folder(`growth ${randomBytes(4).toString("hex")}`);
  const bytes = randomBytes(SEED_FILE);
  const { file_id, version_id } = await product.upload("large.bin", bytes, home);
  const { file_id: listed } = await product.folder("listed", home);
  await inFlight(LISTED + 1, 8, (i) => product.folder(`entry ${i}`, listed));
  const { file_id: renamed } = await product.upload("renamed.bin", randomBytes(4096), home);
  const content_hash = createHash("sha256").update(bytes).digest("hex");
  const upload = (size: number) => () => product.upload(`${serial++}.bin`, randomBytes(size), home);
  const start = { parent_id: home, size: SEED_FILE, content_hash };
  const range = (): Record<string, string> => {
    const from = Math.floor(Math.random() * (SEED_FILE - RANGE));
    return { range: `bytes=${from}-${from + RANGE - 1}` };
  };
  const change = (i: number, n: number) => ({
    op_id: `growth-${home}-${i}-${n}`,
    op: "create_folder",
    parent_id: home,
    name: `of batch ${i} ${n}`,
  });
  return {
    "upload of 4 KiB": upload(4096),
    "upload of 5 MB": upload(SEED_FILE),
    "duplicate of 5 MB": () =>
      http.ask("POST", `${BASE}/files/upload`, { json: { ...start, name: `copy ${serial++}.bin` } }),
    "download of 64 KiB of 5 MB": () => http.ask("GET", `${BASE}/files/${file_id}/download`, { headers: range() }),
    "listing, 200 of 201 entries": () => http.ask("GET", `${BASE}/folders/${listed}/contents?limit=${LISTED}`),
    "rename of a file": () =>
      http.ask("PATCH", `${BASE}/files/${renamed}`, { json: { name: `renamed ${serial++}.bin` } }),
    [`batch of ${BATCH} new folders`]: () => {
      const i = serial++;
      const changes = Array.from({ length: BATCH }, (_, n) => change(i, n));
      return http.ask("POST", `${BASE}/sync/delta`, { json: { device_id: product.device_id, changes } });
    },
    [`batch of ${BATCHED} new files of 1 KB`]: () => sendBatch(product, home, BATCHED, 1024),
    "copy of a file": () => http.ask("POST", `${BASE}/files/${file_id}/copy`, { json: {} }),
    "restore of a version": () => http.ask("POST", `${BASE}/files/${file_id}/restore?version=${version_id}`),
  };
}
