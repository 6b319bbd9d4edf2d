import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DiskEntry, type Fingerprint, PRIVATE } from "../../client/sync/ports.ts";
import { diskContract } from "../../test/contract/disk.ts";
import { MemoryDisk } from "../../test/support/memory/disk.ts";
import { NodeDisk } from "./node-disk.ts";

let root: string;
let disk: NodeDisk;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "edgedrive-disk-"));
  disk = new NodeDisk(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (path: string): string => join(root, path);
const modeOf = (path: string): string => (statSync(at(path)).mode & 0o777).toString(8);
const found = async (path: string): Promise<DiskEntry & Fingerprint> =>
  (await disk.stat(path)) as DiskEntry & Fingerprint;
const problem = (problem: string) => expect.objectContaining({ name: "DiskError", problem }) as Error;

/** A file as a download leaves it. */
async function temporary(text: string, executable = false, modified_ms: number | null = null): Promise<Fingerprint> {
  const writer = await disk.write(`${PRIVATE}/down/a`, "anew");
  await writer.append(Buffer.from(text));
  await writer.finish({ modified_ms, executable });
  return found(`${PRIVATE}/down/a`);
}

describe("on Node", () =>
  diskContract(() => ({
    disk,
    save: (path, text) => writeFileSync(at(path), text),
    folder: (path) => mkdirSync(at(path)),
    link: (path) => symlinkSync("elsewhere", at(path)),
    textOf: (path) => readFileSync(at(path), "utf8"),
  })));

describe("in memory", () =>
  diskContract(() => {
    const disk = new MemoryDisk();
    return {
      disk,
      save: (path, text) => disk.save(path, new TextEncoder().encode(text)),
      folder: (path) => disk.folder(path),
      link: (path) => disk.link(path),
      textOf: (path) => new TextDecoder().decode(disk.bytesOf(path)!),
    };
  }));

test("what is found out about the disk leaves nothing in the folder", () => {
  expect(readdirSync(root)).toEqual([]);
});

test("LO4: links and special files are told and never followed, on no level", async () => {
  mkdirSync(at("real"));
  writeFileSync(at("real/a"), "x");
  symlinkSync("real", at("link"));
  symlinkSync("real/a", at("file-link"));
  execFileSync("mkfifo", [at("pipe")]);
  const kinds = (await disk.list("")).map((entry) => [entry.name, "why" in entry ? entry.why : entry.kind]);
  expect(Object.fromEntries(kinds)).toEqual({
    real: "folder",
    link: "symbolic_link",
    "file-link": "symbolic_link",
    pipe: "special",
  });
  const file = await found("real/a");
  expect(await disk.stat("link/a")).toBeNull();
  await expect(disk.list("link")).rejects.toThrow(problem("missing"));
  await expect(disk.open("link/a")).rejects.toThrow(problem("missing"));
  await expect(disk.open("file-link")).rejects.toThrow(problem("missing"));
  await expect(disk.open("pipe")).rejects.toThrow(problem("changed"));
  await expect(disk.make_folder("link/b")).rejects.toThrow(problem("missing"));
  await expect(disk.move("real/a", "link/b", { from: file, to: null })).rejects.toThrow(problem("missing"));
  await expect(disk.move("link/a", "b", { from: file, to: null })).rejects.toThrow(problem("missing"));
});

test("PL2: a file keeps its identity when it is moved or written to, and a new one of its name has another", async () => {
  writeFileSync(at("a"), "1");
  const { identity } = await found("a");
  expect(identity).not.toBeNull();
  writeFileSync(at("a"), "longer");
  utimesSync(at("a"), 5, 5);
  chmodSync(at("a"), 0o755);
  expect((await found("a")).identity).toBe(identity);
  const moved = await disk.move("a", "b", { from: await found("a"), to: null });
  expect(moved.identity).toBe(identity);
  rmSync(at("b"));
  writeFileSync(at("b"), "1");
  expect((await found("b")).identity).not.toBe(identity);
});

test("PL2: two names of one file have no identity", async () => {
  writeFileSync(at("a"), "1");
  linkSync(at("a"), at("b"));
  expect((await disk.list("")).map((entry) => "identity" in entry && entry.identity)).toEqual([null, null]);
});

test("LO1, LO5: a file takes its place with its time, and keeps the mode of what it replaces but for the execute bit", async () => {
  writeFileSync(at("a"), "old");
  chmodSync(at("a"), 0o640);
  const old = await found("a");
  const from = await temporary("new", true, 1_600_000_000_123.5);
  const now = await disk.move(`${PRIVATE}/down/a`, "a", { from, to: old });
  expect([readFileSync(at("a"), "utf8"), modeOf("a")]).toEqual(["new", "750"]);
  expect(now).toMatchObject({ modified_ms: 1_600_000_000_123.5, executable: true, size: 3 });
  const plain = await temporary("newer", false);
  await disk.move(`${PRIVATE}/down/a`, "a", { from: plain, to: now });
  expect(modeOf("a")).toBe("640");
});

test("LO1: what changed, or appeared, since it was looked at is not touched", async () => {
  writeFileSync(at("a"), "old");
  const old = await found("a");
  const from = await temporary("new");
  writeFileSync(at("a"), "edited");
  const path = `${PRIVATE}/down/a`;
  await expect(disk.move(path, "a", { from, to: old })).rejects.toThrow(problem("changed"));
  await expect(disk.move(path, "a", { from, to: null })).rejects.toThrow(problem("occupied"));
  await expect(disk.move(path, "gone/a", { from, to: null })).rejects.toThrow(problem("missing"));
  await expect(disk.move(path, "b", { from: old, to: null })).rejects.toThrow(problem("changed"));
  expect([readFileSync(at("a"), "utf8"), readFileSync(at(path), "utf8")]).toEqual(["edited", "new"]);
});

test("LO1: a directory that lies where a file was expected to be replaced, or nothing, stays", async () => {
  mkdirSync(at("a/empty"), { recursive: true });
  mkdirSync(at("b"));
  const [a, b] = [await found("a"), await found("b")];
  await expect(disk.move("b", "a", { from: b, to: null })).rejects.toThrow(problem("occupied"));
  await expect(disk.move("b", "a", { from: b, to: a })).rejects.toThrow(problem("changed"));
  await expect(disk.remove_folder("a")).rejects.toThrow(problem("not_empty"));
  await disk.remove_folder("a/empty");
  await expect(disk.remove_folder("a/empty")).rejects.toThrow(problem("missing"));
});

test("EX4: a file of ours is gone on with where an earlier run stopped", async () => {
  const first = await disk.write(`${PRIVATE}/x/y/z`, "go_on");
  await first.append(Buffer.from("one "));
  await first.close();
  await first.close();
  const second = await disk.write(`${PRIVATE}/x/y/z`, "go_on");
  expect(second.size).toBe(4);
  await second.append(Buffer.from("two"));
  await second.close();
  expect(readFileSync(at(`${PRIVATE}/x/y/z`), "utf8")).toBe("one two");
  await expect(disk.write("outside", "anew")).rejects.toThrow("not in");
  await expect(disk.remove_private("a")).rejects.toThrow("not in");
  await disk.remove_private(`${PRIVATE}/x`);
  await disk.remove_private(`${PRIVATE}/x`);
  expect(existsSync(at(`${PRIVATE}/x`))).toBe(false);
});

test("LO2: an open file tells that it was written to, and what it reads is of one file", async () => {
  writeFileSync(at("a"), "0123456789");
  const file = await disk.open("a");
  const before = await file.fingerprint();
  expect(Buffer.from(await file.read(8, 10)).toString()).toBe("89");
  rmSync(at("a"));
  writeFileSync(at("a"), "another");
  expect(Buffer.from(await file.read(0, 3)).toString()).toBe("012");
  await file.close();
  const again = await disk.open("a");
  const then = await again.fingerprint();
  writeFileSync(at("a"), "longer than it was");
  expect(Buffer.from(await again.read(0, 100)).toString()).toBe("longer than it was");
  expect(await again.fingerprint()).not.toEqual(then);
  expect(then.identity).not.toBe(before.identity);
  await again.close();
});

test("a folder that is gone is missing, not empty", async () => {
  rmSync(root, { recursive: true });
  await expect(disk.list("")).rejects.toThrow(problem("missing"));
});
