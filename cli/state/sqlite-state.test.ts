import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { remoteFile, stateStoreContract, syncedItem } from "../../test/contract/state-store.ts";
import { MemoryStateStore } from "../../test/support/memory/state-store.ts";
import { SqliteState } from "./sqlite-state.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "edgedrive-state-"));
  path = join(directory, "state.db");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("in memory", () => stateStoreContract(() => new MemoryStateStore()));
describe("on SQLite", () => stateStoreContract(() => new SqliteState(path)));

test("EX1: what was committed is there when the file is opened again", async () => {
  const state = new SqliteState(path);
  await state.commit({ synced: [["a", syncedItem("a")]], values: { cursor: "c" } });
  await state.close();
  const again = new SqliteState(path);
  expect(await again.load()).toMatchObject({ synced: [syncedItem("a")], values: { cursor: "c" } });
  await again.close();
});

test("EX1: a transaction that fails in the middle leaves nothing, and the next one goes on", async () => {
  const state = new SqliteState(path);
  const broken = { ...syncedItem("b"), name: undefined as never };
  const failed = state.commit({ values: { cursor: "new" }, remote: [["b", remoteFile("b")]], synced: [["b", broken]] });
  const next = state.commit({ values: { next: "1" } });
  await expect(failed).rejects.toThrow();
  await next;
  expect(await state.load()).toEqual({ remote: [], synced: [], underway: [], values: { next: "1" } });
  await state.close();
});

test("EX1: commits take effect in their order, each after its files are on the disk", async () => {
  const order: string[] = [];
  let free = (): void => {};
  const held = new Promise<void>((resolve) => (free = resolve));
  const state = new SqliteState(path, async () => {
    order.push("settled");
    await held;
  });
  const commits = ["1", "2", "3"].map((n) => state.commit({ values: { n } }).then(() => order.push(n)));
  free();
  await Promise.all(commits);
  expect(order).toEqual(["settled", "1", "settled", "2", "settled", "3"]);
  expect((await state.load()).values).toEqual({ n: "3" });
  await state.close();
});
