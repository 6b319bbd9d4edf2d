import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 as native } from "node:zlib";
import { describe, expect, it } from "vitest";
import { newId } from "../protocol/ids.ts";
import { inMemory, readZip } from "../../test/support/zip-reader.ts";
import { ArchivePlan, ENTRIES_MAX } from "./plan.ts";
import type { ArchiveItem } from "./ports.ts";
import { type Content, zipLength, zipPieces } from "./zip.ts";

const GiB = 2 ** 30;
const crc32 = (piece: Uint8Array, crc: number): number => native(piece, crc);
const time = Date.UTC(2024, 1, 29, 12, 34, 56);
const id = newId(7, time);

const file = (name: string, size: number, modified_at = time): ArchiveItem => ({
  file_id: id,
  name,
  is_folder: false,
  size,
  content_id: id,
  modified_at,
});
const folder = (name: string): ArchiveItem => ({ ...file(name, 0), is_folder: true, content_id: null });

function planOf(...items: [ArchiveItem, number | null][]): ArchivePlan {
  const plan = new ArchivePlan();
  for (const [item, parent] of items) plan.add(item, parent);
  return plan;
}

const ZEROS = new Uint8Array(1024 * 1024);

/** Zeros, as many as planned; `lie` more or less in the file of that number. */
async function* zeros(plan: ArchivePlan, lie = new Map<number, number>()): AsyncGenerator<Content> {
  for (let at = 0; at < plan.length; at++)
    if (plan.sizeOf(at) > 0) yield someZeros(plan.sizeOf(at) + (lie.get(at) ?? 0));
}

function* someZeros(size: number): Generator<Uint8Array> {
  for (let left = size; left > 0; left -= ZEROS.length) yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
}

async function bytesOf(plan: ArchivePlan): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of zipPieces(plan, zeros(plan), crc32)) pieces.push(piece);
  return Uint8Array.from(Buffer.concat(pieces));
}

/** On disk, with holes where the contents are: an archive of many gigabytes takes a few kilobytes. */
async function onDisk(plan: ArchivePlan, path: string): Promise<number> {
  const fd = openSync(path, "w");
  let at = 0;
  for await (const piece of zipPieces(plan, zeros(plan), crc32)) {
    if (piece.buffer !== ZEROS.buffer) writeSync(fd, piece, 0, piece.length, at);
    at += piece.length;
  }
  closeSync(fd);
  truncateSync(path, at);
  return at;
}

function withFile<T>(work: (path: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "edgedrive-zip-"));
  return work(join(directory, "archive.zip")).finally(() => rmSync(directory, { recursive: true }));
}

const has = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
const withUnzip = it.runIf(has("unzip", "-v"));

describe("Z1, Z4: what is in it", () => {
  const plan = planOf(
    [folder("Photos"), null],
    [file("naïve 日本 📁.txt", 10, time), 0],
    [folder("empty"), 0],
    [folder("inner"), 0],
    [file("nothing.bin", 0, Date.UTC(1955, 0, 1)), 3],
    [file("later", 3, Date.UTC(2100, 0, 1)), 3],
  );

  it("folders, empty ones as well, and files with their paths, sizes and times", async () => {
    const bytes = await bytesOf(plan);
    const members = readZip(inMemory(bytes), bytes.length);
    expect(members.map(({ path, size, modified_at }) => [path, size, modified_at])).toEqual([
      ["Photos/", 0, time],
      ["Photos/naïve 日本 📁.txt", 10, time],
      ["Photos/empty/", 0, time],
      ["Photos/inner/", 0, time],
      ["Photos/inner/nothing.bin", 0, 0],
      ["Photos/inner/later", 3, 0x7fffffff * 1000],
    ]);
    expect(members[1]?.crc).toBe(native(new Uint8Array(10)));
    expect(members.some((member) => member.isZip64)).toBe(false);
  });

  withUnzip("other programs read it", async () => {
    const bytes = await bytesOf(plan);
    await withFile(async (path) => {
      writeFileSync(path, bytes);
      expect(execFileSync("unzip", ["-t", path], { encoding: "utf8" })).toContain("No errors detected");
    });
  });

  it("a path as deep as folders go fits", async () => {
    const deep = new ArchivePlan();
    for (let depth = 0; depth < 127; depth++) deep.add(folder("ü".repeat(127)), depth === 0 ? null : depth - 1);
    deep.add(file("x", 1), 126);
    const bytes = await bytesOf(deep);
    expect(bytes.length).toBe(zipLength(deep));
    expect(readZip(inMemory(bytes), bytes.length).at(-1)?.path).toHaveLength(127 * 128 + 1);
  });
});

describe("Z5, Z8: length and Zip64", () => {
  it("an empty archive is its end record", async () => {
    expect(await bytesOf(new ArchivePlan())).toHaveLength(22);
    expect(zipLength(new ArchivePlan())).toBe(22);
  });

  it.each([0, 1, 65_534, 65_535, 65_536, 70_000])("%i small files", async (count) => {
    const plan = new ArchivePlan();
    for (let i = 0; i < count; i++) plan.add(file(`file ${i}`, i % 3), null);
    const bytes = await bytesOf(plan);
    expect(bytes.length).toBe(zipLength(plan));
    expect(readZip(inMemory(bytes), bytes.length)).toHaveLength(count);
    const isZip64 =
      bytes.length > 42 && new DataView(bytes.buffer, bytes.length - 42).getUint32(0, true) === 0x07064b50;
    expect(isZip64).toBe(count >= 65_535);
  });

  // The CRC of gigabytes takes seconds.
  it("files of 4 GiB, of one byte less and more, and offsets behind them", { timeout: 120_000 }, async () => {
    const small = planOf([file("a", 4 * GiB - 2), null], [file("behind", 5), null]);
    const edges = planOf([file("b", 4 * GiB - 1), null], [file("c", 4 * GiB), null], [file("behind", 5), null]);
    for (const [plan, zip64] of [
      [small, [false, true]],
      [edges, [true, true, true]],
    ] as const)
      await withFile(async (path) => {
        const size = await onDisk(plan, path);
        expect(size).toBe(zipLength(plan));
        const fd = openSync(path, "r");
        const members = readZip((offset, length) => {
          const view = new DataView(new ArrayBuffer(length));
          readSync(fd, view, 0, length, offset);
          return view;
        }, size);
        closeSync(fd);
        expect(members.map((member) => member.isZip64)).toEqual(zip64);
        expect(members.map((member) => member.size)).toEqual(members.map((_, at) => plan.sizeOf(at)));
      });
  });

  it("lengths of what nobody stores here: 100,000 files of 50 GB", () => {
    const plan = new ArchivePlan();
    for (let i = 0; i < ENTRIES_MAX; i++) plan.add(file(`f${i}`, 50e9), null);
    expect(zipLength(plan)).toBeGreaterThan(ENTRIES_MAX * 50e9);
    expect(Number.isSafeInteger(zipLength(plan))).toBe(true);
  });
});

describe("Z7: bounds", () => {
  it("one entry too many", () => {
    const plan = new ArchivePlan();
    for (let i = 0; i < ENTRIES_MAX; i++) plan.add(file("f", 1), null);
    expect(() => plan.add(file("f", 1), null)).toThrow(expect.objectContaining({ code: "payload_too_large" }));
  });

  it("names too long together", () => {
    const plan = new ArchivePlan();
    const name = "n".repeat(255);
    for (let i = 0; i < Math.floor((16 * 1024 * 1024) / 255); i++) plan.add(file(name, 1), null);
    expect(() => plan.add(file(name, 1), null)).toThrow(expect.objectContaining({ code: "payload_too_large" }));
  });
});

describe("Z10: a content that is not as planned", () => {
  const plan = planOf([file("a", 100), null], [file("b", 100), null]);
  const run = async (contents: AsyncGenerator<Content>): Promise<void> => {
    for await (const _ of zipPieces(plan, contents, crc32));
  };

  it.each([1, -1])("is refused when it is %i bytes longer", async (more) => {
    await expect(run(zeros(plan, new Map([[1, more]])))).rejects.toMatchObject({ code: "integrity_error" });
  });

  it("is refused when it is missing", async () => {
    const one = zeros(planOf([file("a", 100), null]));
    await expect(run(one)).rejects.toMatchObject({ code: "integrity_error" });
  });
});
