/** The seed's walkthrough over the running product: the store fails under people who upload and download. docs/spec/replica.md. */
import { createHash, randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { failingStore, SWITCH } from "../../bench/lib/failing-store.ts";
import { API } from "../../scripts/lib/project.ts";
import { startProduct } from "../../scripts/lib/start-product.ts";
import { Device } from "../support/e2e/device.ts";
import { temporaryData } from "../support/spawn-product.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;

interface Kept {
  file_id: string;
  hash: string;
}

it("RP3, RP5, RP6, RP11: the primary fails: no download stops, what is uploaded is kept, and heals", async () => {
  using data = temporaryData();
  const product = await startProduct({ port: 0, data: data.path, crons: false, alter: failingStore });
  try {
    const packs = async (name: string): Promise<Set<string>> => {
      const { objects } = await (await product.mf.getR2Bucket(name, API.name)).list();
      return new Set(objects.map(({ key }) => key).filter((key) => /^\d/.test(key)));
    };
    const ada = await Device.register(product.url, "ada");
    const fails = (is: boolean) => ada.ok<{ calls: number }>("POST", `${SWITCH}?fails=${is}`);
    const kept: Kept[] = [];
    const upload = async (name: string, length: number): Promise<void> => {
      const bytes = randomBytes(length);
      const { file_id } = await ada.upload(name, bytes);
      kept.push({ file_id, hash: createHash("sha256").update(bytes).digest("hex") });
    };
    const readAll = async (): Promise<void> => {
      for (const { file_id, hash } of kept) expect(await ada.downloadHash(file_id)).toBe(hash);
    };
    for (const length of [1000, MiB, 9 * MiB]) await upload(`before ${length}`, length);
    await waitFor(async () => (await packs("BLOBS_REPLICA")).size === (await packs("BLOBS")).size, 30_000);

    // Somebody downloads all the time, before, while and after it fails.
    const over = new AbortController();
    let rounds = 0;
    const reader = (async () => {
      for (; !over.signal.aborted; rounds++) await readAll();
    })();
    const reads = async (more: number): Promise<void> => {
      const from = rounds;
      await Promise.race([reader, waitFor(() => rounds >= from + more, 60_000)]);
    };
    await reads(1);
    await fails(true);
    const before = await packs("BLOBS");
    for (const length of [2000, MiB]) await upload(`during ${length}`, length);
    await reads(2);
    expect((await packs("BLOBS")).size).toBe(before.size);
    await fails(false);
    await product.tick();
    await waitFor(async () => {
      const healed = await packs("BLOBS");
      return [...(await packs("BLOBS_REPLICA"))].every((key) => healed.has(key));
    }, 30_000);
    await upload("after", 3000);
    await reads(1);
    over.abort();
    await reader;
  } finally {
    await product.stop();
  }
}, 120_000);
