/** VD4, VD5 over the built product with its queues: gaining access, changes, losing it, each told to an open socket. */
import { expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import type { Permission } from "../../core/protocol/sharing.ts";
import type { Change } from "../../core/protocol/sync.ts";
import { startProduct } from "../../scripts/lib/start-product.ts";
import { Device } from "../support/e2e/device.ts";
import { temporaryData } from "../support/spawn-product.ts";
import { waitFor } from "../support/wait-for.ts";

it("a share appears at the other person's device, its changes follow, and it disappears, with no minute in between", async () => {
  using data = temporaryData();
  const product = await startProduct({ port: 0, data: data.path, crons: false });
  try {
    const [owner, guest] = [await Device.register(product.url, "owner"), await Device.register(product.url, "guest")];
    let cursor = (await guest.changes("now")).next_cursor;
    const socket = await guest.listen();
    const told: Change[] = [];
    /** As a device does: each message wakes it, and it reads. */
    const until = async (op: string, name: string | null): Promise<void> => {
      let heard = -1;
      await waitFor(async () => {
        if (socket.messages.length > heard) {
          heard = socket.messages.length;
          const page = await guest.changes(cursor);
          cursor = page.next_cursor;
          told.push(...page.changes);
        }
        return told.some((change) => change.op === op && (change.file?.name ?? null) === name);
      }, 15_000);
    };
    const folder = await owner.ok<File>("POST", "folders", { json: { parent_id: "root", name: "ours" } });
    const json = { user_id: guest.id, permission: "view" };
    const given = await owner.ok<Permission>("POST", `files/${folder.file_id}/share`, { json });
    await until("shared", "ours");
    await owner.upload("new.txt", new TextEncoder().encode("new"), folder.file_id);
    await until("created", "new.txt");
    await owner.ok("DELETE", `files/${folder.file_id}/permissions/${given.permission_id}`);
    await until("unshared", null);
    expect(told.every(({ drive_id }) => drive_id === owner.id)).toBe(true);
    await socket.close();
  } finally {
    await product.stop();
  }
});
