/** What every {@link StateStore} does: in memory for the simulation, on SQLite for people. docs/spec/sync-client.md, EX1. */
import { expect, it } from "vitest";
import type { RemoteFile, StateStore, SyncedItem } from "../../client/sync/ports.ts";

export const remoteFile = (file_id: string): RemoteFile => ({
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

export const syncedItem = (file_id: string): SyncedItem => ({
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

const underway = { op_id: "o", key: "k", change: "{}", hash: null };

/** @param open a new and empty one */
export function stateStoreContract(open: () => StateStore): void {
  it("EX1: gives back what was committed, to the last digit", async () => {
    const store = open();
    expect(await store.load()).toEqual({ remote: [], synced: [], underway: [], values: {} });
    await store.commit({
      remote: [["a", remoteFile("a")]],
      synced: [["a", syncedItem("a")]],
      underway: [["o", underway]],
      values: { cursor: "c", other: "gone" },
    });
    await store.commit({ values: { other: null } });
    expect(await store.load()).toEqual({
      remote: [remoteFile("a")],
      synced: [syncedItem("a")],
      underway: [underway],
      values: { cursor: "c" },
    });
  });

  it("EX1: null deletes, and what is written again is replaced", async () => {
    const store = open();
    await store.commit({
      remote: [["a", remoteFile("a")]],
      synced: [["a", syncedItem("a")]],
      underway: [["o", underway]],
    });
    const renamed = { ...remoteFile("a"), name: "new" };
    await store.commit({ remote: [["a", renamed]], synced: [["a", null]], underway: [["o", null]] });
    expect(await store.load()).toEqual({ remote: [renamed], synced: [], underway: [], values: {} });
  });

  it("EX1: commits take effect in their order, whoever waits for them", async () => {
    const store = open();
    await Promise.all(["1", "2", "3"].map((n) => store.commit({ values: { n } })));
    expect((await store.load()).values).toEqual({ n: "3" });
  });

  it("EX6: forgetting the remote tree and writing another is one transaction", async () => {
    const store = open();
    const both = ["a", "b"].map((id) => [id, remoteFile(id)] as const);
    await store.commit({ remote: both, synced: [["a", syncedItem("a")]] });
    await store.commit({ forget_remote: true, remote: [["b", remoteFile("b")]] });
    const { remote, synced } = await store.load();
    expect([remote.map(({ file_id }) => file_id), synced]).toEqual([["b"], [syncedItem("a")]]);
  });
}
