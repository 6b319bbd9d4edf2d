import { describe, expect, it } from "vitest";
import { MemoryStateStore } from "../../test/support/memory/state-store.ts";
import type { Remote, RemoteChange, RemoteFile, RemoteLine } from "./ports.ts";
import { pull } from "./pull.ts";
import { SyncState } from "./state.ts";

const ME = { user_id: "me", device_id: "d", drive_id: "me", root_id: "me" };
const OTHERS = "theirs";

const file = (file_id: string, parent_id: string | null, permission: RemoteFile["permission"]): RemoteFile => ({
  file_id,
  drive_id: OTHERS,
  parent_id,
  name: file_id,
  is_folder: file_id.startsWith("folder"),
  size: 0,
  content_hash: null,
  version_id: null,
  vector: {},
  permission,
  metadata: {},
  modified_at: null,
  trashed_at: null,
});

/** What a server tells: first a snapshot, then pages of changes; and a folder as it is now. */
class Told implements Pick<Remote, "snapshot" | "changes"> {
  permission: RemoteFile["permission"] = "edit";
  pages: RemoteChange[][] = [];
  snapshots: (string | null)[] = [];

  async *snapshot(folder_id: string | null): AsyncGenerator<RemoteLine> {
    this.snapshots.push(folder_id);
    yield { type: "start", cursor: "0" } as RemoteLine;
    yield { type: "file", file: file("folder", null, this.permission) };
    yield { type: "file", file: file("inside.txt", "folder", this.permission) };
    yield { type: "end" } as RemoteLine;
  }

  async changes(cursor: string | null) {
    const changes = this.pages.shift() ?? [];
    return { changes, cursor: changes.length > 0 ? `${cursor}+` : cursor!, has_more: false };
  }
}

async function setUp() {
  const told = new Told();
  const store = new MemoryStateStore();
  const state = new SyncState(ME, store, await store.load(), (name) => name);
  await pull(told as unknown as Remote, state);
  return { told, state };
}

describe("pulling", () => {
  // A grant of two was taken away: what is left is less, and says so of the folder alone.
  it.each(["unshared", "shared", "updated"] as const)(
    "VD4: a shared folder is read anew when the right to it is another, told by “%s”",
    async (op) => {
      const { told, state } = await setUp();
      expect(state.remote.get("inside.txt")!.permission).toBe("edit");
      told.permission = "view";
      const change = { seq: 7, drive_id: OTHERS, file_id: "folder", op, file: file("folder", null, "view") };
      told.pages = [[change]];
      await pull(told as unknown as Remote, state);
      expect(told.snapshots).toEqual([null, "folder"]);
      expect(state.remote.get("inside.txt")!.permission).toBe("view");
    },
  );

  it("VD4: another change of a shared folder reads nothing else", async () => {
    const { told, state } = await setUp();
    const change = { seq: 7, drive_id: OTHERS, file_id: "folder", op: "updated" as const };
    told.pages = [[{ ...change, file: { ...file("folder", null, "edit"), name: "other" } }]];
    await pull(told as unknown as Remote, state);
    expect(told.snapshots).toEqual([null]);
    expect(state.remote.get("folder")!.name).toBe("other");
  });
});
