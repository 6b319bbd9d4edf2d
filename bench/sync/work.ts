/** What is done with a pair of devices, and what of it is measured. The same for every pair. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, watch, type FSWatcher } from "node:fs";
import { mkdir, open, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { timed } from "../lib/stats.ts";
import { waitUntil } from "../lib/wait-until.ts";
import type { Pair } from "./pair.ts";

const MiB = 1024 * 1024;
const WAIT_MS = 300_000;

/** Written elsewhere, then put into the folder at once. @returns milliseconds until the other device has all of them, whole */
export async function manySmall({ folders: [from, to] }: Pair, count: number, scratch: string): Promise<number> {
  const made = join(scratch, "many");
  await mkdir(made, { recursive: true });
  await Promise.all(Array.from({ length: count }, (_, i) => writeFile(join(made, `file ${i}.bin`), randomBytes(1024))));
  const there = join(to, "many");
  return timed(async () => {
    await rename(made, join(from, "many"));
    await waitUntil("all files are there", WAIT_MS, async () => {
      const names = await readdir(there).catch(() => []);
      return names.filter((name) => /^file \d+\.bin$/.test(name)).length === count;
    });
    const last = await stat(join(there, `file ${count - 1}.bin`));
    if (last.size !== 1024) throw new Error("a file came cut");
  });
}

/** @returns milliseconds from the write to the other device's disk, for each edit */
export async function smallEdits({ folders: [from, to] }: Pair, count: number): Promise<number[]> {
  const name = "edited.txt";
  const times: number[] = [];
  for (let i = 0; i <= count; i++) {
    const text = `${i} `.padEnd(1024, "x");
    const started = performance.now();
    await writeFile(join(from, name), text);
    await seen(to, name, (bytes) => bytes.toString() === text);
    // The first one makes the file.
    if (i > 0) times.push(performance.now() - started);
  }
  return times;
}

/** Told by the file system; and looked for in case that it was faster than the watch. */
async function seen(folder: string, name: string, isIt: (bytes: Buffer) => boolean): Promise<void> {
  let watcher: FSWatcher | undefined;
  const look = async (): Promise<boolean> => {
    const bytes = await readFile(join(folder, name)).catch(() => null);
    return bytes !== null && isIt(bytes);
  };
  const told = new Promise<void>((resolve, reject) => {
    const check = (): void => void look().then((is) => is && resolve(), reject);
    watcher = watch(folder, check);
    waitUntil(`${name} is there`, WAIT_MS, look).then(resolve, reject);
  });
  await told.finally(() => watcher?.close());
}

/** Random bytes, made elsewhere. @returns the file's path in the first folder, milliseconds until the other has it */
export async function largeFile({ folders: [from, to] }: Pair, size: number, scratch: string): Promise<number> {
  const made = join(scratch, "large.bin");
  const stream = createWriteStream(made);
  for (let left = size; left > 0; left -= MiB) if (!stream.write(randomBytes(MiB))) await once(stream, "drain");
  stream.end();
  await once(stream, "finish");
  return timed(async () => {
    await rename(made, join(from, "large.bin"));
    await waitUntil("the large file is there", WAIT_MS, async () => (await sizeOf(join(to, "large.bin"))) === size);
  });
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => -1,
  );

/** 4 KiB in the middle. @returns bytes that the first device sent for it, milliseconds until the other has them */
export async function largeEdit(pair: Pair, size: number): Promise<{ sent: number; took: number }> {
  const [from, to] = pair.folders.map((folder) => join(folder, "large.bin")) as [string, string];
  const bytes = randomBytes(4096);
  const at = Math.floor(size / 2) + 12_345;
  const before = await pair.sent();
  const took = await timed(async () => {
    const file = await open(from, "r+");
    await file.write(bytes, 0, bytes.length, at);
    await file.close();
    await waitUntil("the edit is there", WAIT_MS, async () => (await readAt(to, at, bytes.length)).equals(bytes));
  });
  const sent = (await pair.sent()) - before;
  const [left, right] = await Promise.all([hashOf(from), hashOf(to)]);
  if (left !== right) throw new Error("the two files differ");
  return { sent, took };
}

/** Nothing while another one takes its place. */
async function readAt(path: string, at: number, length: number): Promise<Buffer> {
  const file = await open(path, "r").catch(() => null);
  if (file === null) return Buffer.alloc(0);
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, at);
  await file.close();
  return buffer;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}
