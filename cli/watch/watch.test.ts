import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitFor } from "../../test/support/wait-for.ts";
import { type Follow, type Watch, watch } from "./watch.ts";

let root: string;
let watching: Watch;
let told: Set<string | null>;
const tell = (paths: readonly string[] | null): void => void (paths ?? [null]).forEach((path) => told.add(path));
const write = (path: string): void => writeFileSync(join(root, path), "1");
const heard = (path: string) => waitFor(() => told.has(path));

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "edgedrive-watch-")));
  told = new Set();
});
afterEach(() => {
  watching.stop();
  rmSync(root, { recursive: true, force: true });
});

test("EX5: what is made, changed, moved and removed is told; what is our own is not", async () => {
  mkdirSync(join(root, "old"));
  write("old/x");
  watching = watch(root, tell);
  expect(watching.blind).toBeNull();
  write("old/x");
  await heard("old/x");
  write("a");
  await heard("a");
  renameSync(join(root, "a"), join(root, "b"));
  await heard("b");
  rmSync(join(root, "b"));
  mkdirSync(join(root, ".edgedrive/down"), { recursive: true });
  write(".edgedrive/down/x");
  write("last");
  await heard("last");
  expect([...told].filter((path) => path?.startsWith(".edgedrive"))).toEqual([]);
});

test("EX5: of folders that are made at once, one in the other, nothing is missed, and later changes are told", async () => {
  watching = watch(root, tell);
  for (let i = 0; i < 50; i++) {
    mkdirSync(join(root, `${i}/deep/er`), { recursive: true });
    write(`${i}/deep/er/first`);
  }
  for (let i = 0; i < 50; i++) await heard(`${i}/deep/er/first`);
  for (let i = 0; i < 50; i++) write(`${i}/deep/er/second`);
  for (let i = 0; i < 50; i++) await heard(`${i}/deep/er/second`);
});

test("EX5: a folder that was moved is told under its new path, and the old path may be another's", async () => {
  mkdirSync(join(root, "a/deep"), { recursive: true });
  watching = watch(root, tell);
  renameSync(join(root, "a"), join(root, "b"));
  await heard("b/deep");
  mkdirSync(join(root, "a/deep"), { recursive: true });
  await heard("a/deep");
  told.clear();
  write("b/deep/x");
  await heard("b/deep/x");
  expect(told).not.toContain("a/deep/x");
  write("a/deep/y");
  await heard("a/deep/y");
  expect(told).not.toContain("b/deep/y");
});

test("EX5: without events the folder is looked through every now and then, and it is told why", async () => {
  const follow: Follow = () => {
    throw new Error("no watches left");
  };
  watching = watch(root, tell, { follow, blind_ms: 5 });
  expect(watching.blind).toBe("no watches left");
  await waitFor(() => told.has(null));
});

test("EX5: so many changes that some may have been lost mean that anything may have changed", async () => {
  const follow: Follow = (_root, told) => {
    for (let i = 0; i < 10_000; i++) told(String(i));
    return () => {};
  };
  watching = watch(root, tell, { follow });
  await waitFor(() => told.size > 0);
  expect(told).toEqual(new Set([null]));
});
