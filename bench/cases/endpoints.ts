import { randomBytes } from "node:crypto";
import type { File } from "../../core/protocol/files.ts";
import { type Case, ratio, type Sides } from "../lib/case.ts";
import { inFlight } from "../lib/in-flight.ts";
import { inTurns } from "../lib/pairs.ts";
import { BASE } from "../lib/product.ts";
import { median, quantile, timed } from "../lib/stats.ts";
import { milliseconds } from "../lib/table.ts";
import { waitUntil } from "../lib/wait-until.ts";

/** A line of the seed's API reference: what it promises, our call, and the least the platform must do for it. */
interface Endpoint {
  what: string;
  /** Milliseconds that the seed gives; null where it gives none for this form. */
  seed: number | null;
  product: (i: number) => Promise<unknown>;
  floor_is: string;
  floor: (i: number) => Promise<unknown>;
}

const FOLDER_SIZE = 1_000;
const VERSIONS = 30;
const DELTA = 10;
const SEED_FILE = 5_000_000;

/** A word that one indexed file has. */
const WORD = "quicksilver";

interface Scene {
  folder_id: string;
  /** Of a device that has read everything. */
  cursor: string;
  small: File;
  large: File;
  /** With a history of `VERSIONS`. */
  old: File;
  first_version_id: string;
}

/** What the endpoints are asked about. */
async function setUp({ product, floor, sizes }: Sides): Promise<Scene> {
  const { http } = product;
  const { file_id: folder_id } = await product.folder("endpoints");
  const entries = Math.min(FOLDER_SIZE, sizes.entries);
  await inFlight(entries, 32, (i) => product.folder(`entry ${i}`, folder_id));
  const small = await product.upload("small.bin", randomBytes(4096));
  const large = await product.upload("large.bin", randomBytes(SEED_FILE));
  const old = await product.upload("old.bin", randomBytes(1024));
  for (let i = 1; i < VERSIONS; i++) await http.ask("PUT", `${BASE}/files/${old.file_id}`, { body: randomBytes(1024) });
  await product.upload("words.txt", Buffer.from(`Found by ${WORD} and other words.`));
  await waitUntil(`search finds "${WORD}"`, 30_000, async () => {
    const { items } = await http.json<{ items: unknown[] }>("GET", `${BASE}/search?q=${WORD}`);
    return items.length > 0;
  });
  await floor.ask("POST", "/store/stored", { body: randomBytes(4096) });
  await floor.ask("POST", "/store/stored-large", { body: randomBytes(SEED_FILE) });
  const cursor = encodeURIComponent(await product.cursor());
  return { folder_id, cursor, small, large, old, first_version_id: old.version_id as string };
}

function delta(product: Sides["product"], i: number): Promise<unknown> {
  const changes = Array.from({ length: DELTA }, (_, n) => ({
    op_id: `delta-${i}-${n}`,
    op: "create_folder",
    parent_id: "root",
    name: `delta ${i} ${n}`,
  }));
  return product.http.ask("POST", `${BASE}/sync/delta`, { json: { device_id: product.device_id, changes } });
}

function endpoints({ product, floor }: Sides, scene: Scene): Endpoint[] {
  const { http } = product;
  const { folder_id, small, large, old, first_version_id, cursor } = scene;
  const link = { link: true, permission: "view", expires_in: 3600 };
  return [
    // First: what comes after it changes something.
    {
      what: "GET sync/changes, nothing new",
      seed: null,
      product: () => http.ask("GET", `${BASE}/sync/changes?cursor=${cursor}`),
      floor_is: "select",
      floor: () => floor.ask("GET", "/rows?limit=1"),
    },
    {
      what: "POST files/upload, 4 KiB",
      seed: 100,
      product: (i) => product.upload(`new ${i}.bin`, randomBytes(4096)),
      floor_is: "put, batch",
      floor: (i) => floor.ask("POST", `/store/new-${i}`, { body: randomBytes(4096) }),
    },
    {
      what: "POST files/upload, 5 MB",
      seed: 100,
      product: (i) => product.upload(`new large ${i}.bin`, randomBytes(SEED_FILE)),
      floor_is: "put, batch",
      floor: (i) => floor.ask("POST", `/store/new-large-${i}`, { body: randomBytes(SEED_FILE) }),
    },
    {
      what: "GET files/{id}/download, 4 KiB",
      seed: 100,
      product: () => http.ask("GET", `${BASE}/files/${small.file_id}/download`),
      floor_is: "select, get",
      floor: () => floor.ask("GET", "/stored/stored"),
    },
    {
      what: "GET files/{id}/download, 5 MB",
      seed: null,
      product: () => http.ask("GET", `${BASE}/files/${large.file_id}/download`),
      floor_is: "select, get",
      floor: () => floor.ask("GET", "/stored/stored-large"),
    },
    {
      what: `POST sync/delta, ${DELTA} changes`,
      seed: 500,
      product: (i) => delta(product, i),
      floor_is: `batch of ${DELTA} x 3`,
      floor: (i) => floor.ask("POST", `/batch/delta-${i}?count=${DELTA}`),
    },
    {
      what: "POST files/{id}/share, a link",
      seed: 80,
      product: () => http.ask("POST", `${BASE}/files/${small.file_id}/share`, { json: link }),
      floor_is: "batch",
      floor: (i) => floor.ask("POST", `/batch/share-${i}`),
    },
    {
      what: "GET folders/{id}/contents, 200 of 1,000",
      seed: 50,
      product: () => http.ask("GET", `${BASE}/folders/${folder_id}/contents`),
      floor_is: "select of 200",
      floor: () => floor.ask("GET", "/rows?limit=200"),
    },
    {
      what: "GET search",
      seed: 100,
      product: () => http.ask("GET", `${BASE}/search?q=${WORD}`),
      floor_is: "object call",
      floor: () => floor.ask("POST", "/call"),
    },
    {
      what: `GET files/{id}/versions, ${VERSIONS}`,
      seed: 40,
      product: () => http.ask("GET", `${BASE}/files/${old.file_id}/versions`),
      floor_is: `select of ${VERSIONS}`,
      floor: () => floor.ask("GET", `/rows?limit=${VERSIONS}`),
    },
    {
      what: "POST files/{id}/restore",
      seed: 200,
      product: () => http.ask("POST", `${BASE}/files/${old.file_id}/restore?version=${first_version_id}`),
      floor_is: "batch",
      floor: (i) => floor.ask("POST", `/batch/restore-${i}`),
    },
    {
      what: "GET healthz",
      seed: null,
      product: () => http.ask("GET", "/healthz"),
      floor_is: "empty route",
      floor: () => floor.ask("GET", "/empty"),
    },
  ];
}

export const endpointsCase: Case = {
  name: "endpoints",
  async run(sides) {
    const rows: string[][] = [];
    for (const endpoint of endpoints(sides, await setUp(sides))) {
      let serial = 0;
      const samples = await inTurns(
        {
          product: () => timed(() => endpoint.product(serial++)),
          floor: () => timed(() => endpoint.floor(serial++)),
        },
        sides.sizes.calls,
        { warm_up: 3, rest: false },
      );
      rows.push([
        endpoint.what,
        endpoint.seed === null ? "" : String(endpoint.seed),
        milliseconds(median(samples.product)),
        milliseconds(quantile(samples.product, 0.95)),
        endpoint.floor_is,
        milliseconds(median(samples.floor)),
        ratio(samples),
      ]);
    }
    return [
      {
        title: "Endpoints, one call at a time (ms)",
        header: ["endpoint", "seed", "product p50", "p95", "floor is", "floor p50", "x floor"],
        rows,
      },
    ];
  },
};
