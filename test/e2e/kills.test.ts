/**
 * The runtime is killed (`kill -9` of workerd) fifty times, while files are written and every job has something to do.
 * Then all that was acknowledged is there, to the byte, and nothing else is.
 */
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Product, startProduct } from "../../scripts/lib/start-product.ts";
import { Device } from "../support/e2e/device.ts";
import { Persistent } from "../support/e2e/persistent.ts";
import { killRuntime, temporaryData } from "../support/spawn-product.ts";
import { waitFor } from "../support/wait-for.ts";

const KILLS = 50;
const KiB = 1024;
const SHARDS = ["SHARD_00", "SHARD_01"];

/** What makes daily and monthly jobs due now, and garbage go at once. */
const DUE = "update tenants set swept_at = 0, grace_days = 0, scrubbed_day = 0, reconciled_at = 0";

class Killed {
  readonly product: Product;

  constructor(product: Product) {
    this.product = product;
  }

  async sql<T>(text: string): Promise<T[]> {
    const rows: T[] = [];
    for (const shard of SHARDS) {
      const db = await this.product.mf.getD1Database(shard, "edgedrive-api");
      rows.push(...(await db.prepare(text).all<T & Record<string, unknown>>()).results);
    }
    return rows;
  }

  /** All jobs, as a day would bring them. Who is killed meanwhile has begun some of them. */
  async jobs(): Promise<void> {
    await this.sql(DUE);
    await this.product.tick();
  }

  /** @param after milliseconds from now */
  async kill(after: number): Promise<void> {
    await sleep(after);
    await killRuntime(this.product);
  }

  async objects(): Promise<string[]> {
    const bucket = await this.product.mf.getR2Bucket("BLOBS", "edgedrive-api");
    const keys: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await bucket.list({ cursor });
      keys.push(...page.objects.map(({ key }) => key));
      if (!page.truncated) return keys;
      cursor = page.cursor;
    }
  }
}

/** One kill's worth of work; each call of `next` is another choice of the seed. */
async function work(writer: Persistent, serial: number, next: (below: number) => number): Promise<void> {
  const ids = [...writer.files.keys()];
  const some = (): string => ids.splice(next(ids.length), 1)[0]!;
  const todo = [writer.put(`small ${serial}`, randomBytes(1 + next(400) * KiB))];
  if (serial % 5 === 0) todo.push(writer.putInChunks(`large ${serial}`, randomBytes(9 * KiB * KiB)));
  const also: Promise<void>[] = [];
  if (ids.length > 4) {
    const edited = some();
    const body = Buffer.from(writer.files.get(edited)!);
    randomBytes(Math.min(body.length, 700)).copy(body, next(body.length));
    also.push(writer.replace(edited, body), writer.copy(some(), `copy ${serial}`));
    if (serial % 2 === 0) also.push(writer.destroy(some()), writer.forgetHistory(some()));
  }
  await Promise.all([...todo, ...also]);
}

it(`nothing that was acknowledged is lost by ${KILLS} kills, and nothing that nobody needs stays`, async () => {
  using data = temporaryData();
  const said: string[] = [];
  const product = await startProduct({ port: 0, data: data.path, crons: false, say: (line) => said.push(line) });
  try {
    const seed = Number(process.env["KILLS_SEED"] ?? 1);
    const [choices] = fc.sample(fc.infiniteStream(fc.nat({ max: 0x7fffffff })), { numRuns: 1, seed });
    const next = (below: number): number => choices!.next().value! % below;
    const runtime = new Killed(product);
    const writer = new Persistent(await Device.register(product.url, "ada"));

    for (let serial = 0; serial < KILLS; serial++) {
      const jobs = runtime.jobs().catch(() => undefined);
      const working = work(writer, serial, next);
      await Promise.all([runtime.kill(next(600)), working]);
      await jobs;
    }

    for (const [file_id, body] of writer.files)
      expect(await writer.device.downloadHash(file_id), file_id).toBe(createHash("sha256").update(body).digest("hex"));
    const sizes = [...writer.files.values()].map(({ length }) => length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(await writer.device.quota()).toMatchObject({ used_bytes: total });

    // Sessions that were cut off are released after a day, and what a commit did not take goes with its session (E11,
    // E12): the rest is what a day brings.
    await waitFor(async () => {
      await runtime.jobs();
      const packs = await runtime.sql<{ name: string }>(
        "select tenant_id || '/' || pack_id as name from packs where state = 'live'",
      );
      const staged = await runtime.sql<{ name: string }>(
        "select tenant_id || '/' || replace(upload_id, '-', '') as name from uploads",
      );
      const names = new Set(packs.map(({ name }) => name));
      const isOfUpload = (key: string): boolean => staged.some(({ name }) => key.startsWith(name));
      const isPack = (key: string): boolean => /^\d+\/[0-9a-f]{48}$/.test(key);
      const stored = (await runtime.objects()).filter(isPack);
      const rest = stored.filter((key) => !names.has(key) && !isOfUpload(key));
      const lost = [...names].filter((name) => !stored.includes(name));
      expect(lost).toEqual([]);
      return rest.length === 0;
    }, 60_000);
    expect(await runtime.sql("select * from findings where kind in ('damaged', 'no_object')")).toEqual([]);
    expect(said.filter((line) => line.includes("integrity_error"))).toEqual([]);
  } finally {
    await product.stop();
  }
}, 900_000);
