import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RemoteFile, SyncedItem } from "../../client/sync/ports.ts";
import { SqliteState } from "./sqlite-state.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "edgedrive-state-"));
  path = join(directory, "state.db");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const remote = (file_id: string): RemoteFile => ({
  file_id,
  drive_id: "drive",
  parent_id: null,
  name: "ü.txt",
  is_folder: false,
  size: Number.MAX_SAFE_INTEGER,
  content_hash: null,
  version_id: "v1",
  vector: { one: 3, two: 1 },
  permission: "view",
  metadata: { a: "1", b: null },
  modified_at: "2026-01-01T00:00:00.000Z",
  trashed_at: null,
});

const synced = (file_id: string): SyncedItem => ({
  file_id,
  drive_id: "drive",
  parent_id: "root",
  name: "\u00fc.txt",
  is_folder: false,
  vector: { one: 3 },
  version_id: "v1",
  hash: "00",
  local: {
    name: "u\u0308.txt",
    identity: "18446744073709551615:1700000000123456789",
    kind: "file",
    size: 7,
    modified_ms: 1_700_000_000_123 + 4 / 7,
    executable: true,
  },
});

test("EX1: what was committed is there when the file is opened again, to the last digit", async () => {
  const state = new SqliteState(path);
  const underway = { op_id: "o", key: "k", change: "{}", hash: null };
  await state.commit({
    remote: [["a", remote("a")]],
    synced: [["a", synced("a")]],
    underway: [["o", underway]],
    values: { cursor: "c", other: "gone" },
  });
  await state.commit({ values: { other: null } });
  await state.close();
  const again = new SqliteState(path);
  expect(await again.load()).toEqual({
    remote: [remote("a")],
    synced: [synced("a")],
    underway: [underway],
    values: { cursor: "c" },
  });
  await again.close();
});

test("EX1: a transaction that fails in the middle leaves nothing, and the next one goes on", async () => {
  const state = new SqliteState(path);
  const broken = { ...synced("b"), name: undefined as never };
  const failed = state.commit({ values: { cursor: "new" }, remote: [["b", remote("b")]], synced: [["b", broken]] });
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

test("EX6: forgetting the remote tree and writing another is one transaction", async () => {
  const state = new SqliteState(path);
  await state.commit({
    remote: [
      ["a", remote("a")],
      ["b", remote("b")],
    ],
    synced: [["a", synced("a")]],
  });
  await state.commit({ forget_remote: true, remote: [["b", remote("b")]] });
  const { remote: files, synced: items } = await state.load();
  expect([files.map(({ file_id }) => file_id), items]).toEqual([["b"], [synced("a")]]);
  await state.close();
});
