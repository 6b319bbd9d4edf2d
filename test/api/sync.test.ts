/** docs/spec/sync.md at the API: the journal, the batch of a device, sockets. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Changes, DeltaAnswer } from "../../core/protocol/sync.ts";
import { newId, tenantOf } from "../../core/protocol/ids.ts";
import { parseSyncCursor } from "../../core/sync/cursor.ts";
import { waitFor } from "../support/wait-for.ts";
import { newUser, otherDevice, type User } from "../support/workerd/api.ts";
import { Socket } from "../support/workerd/socket.ts";

let user: User;
beforeAll(async () => {
  user = await newUser();
});

const changes = (cursor?: string, limit = 1000): Promise<Changes> =>
  user.ok<Changes>("GET", `sync/changes?${new URLSearchParams({ limit: String(limit), ...(cursor && { cursor }) })}`);
const now = async (): Promise<string> => (await changes("now")).next_cursor;
const seen = ({ changes: list }: Changes) => list.map((c) => [c.op, c.file?.name ?? null]);

describe("the journal", () => {
  it("J2: what happened since the cursor, in order, the last change of each file", async () => {
    const from = await now();
    const a = await user.file("a.txt", "a");
    const b = await user.folder("b");
    await user.ok("PATCH", `files/${a.file_id}`, { json: { parent_id: b.file_id } });
    await user.ok("PATCH", `files/${b.file_id}`, { json: { name: "B" } });
    const all = await changes(from);
    expect(seen(all)).toEqual([
      ["updated", "a.txt"],
      ["updated", "B"],
    ]);
    expect(all.changes[0]!.file!.parent_id).toBe(b.file_id);
    await user.ok("DELETE", `files/${b.file_id}`);
    await user.ok("DELETE", `trash/${b.file_id}`);
    const rest = await changes(all.next_cursor);
    expect(seen(rest)).toEqual([["purged", null]]);
    expect(rest.changes[0]!.file_id).toBe(b.file_id);
  });

  it("J2: pages of any size add up to the whole, and end", async () => {
    const from = await now();
    for (let i = 0; i < 7; i++) await user.folder(`page ${i}`);
    const names: unknown[] = [];
    let cursor = from;
    for (let more = true; more;) {
      const page = await changes(cursor, 3);
      names.push(...page.changes.map((c) => c.file!.name));
      [cursor, more] = [page.next_cursor, page.has_more];
    }
    expect(names).toEqual(Array.from({ length: 7 }, (_, i) => `page ${i}`));
    expect((await changes(cursor)).changes).toEqual([]);
    expect(parseSyncCursor(await now()).drives).toEqual(parseSyncCursor(cursor).drives);
  });

  it("J2: from the beginning, a new device learns of all that lives", async () => {
    const other = await newUser();
    const made = [await other.folder("one"), await other.folder("two")];
    const { changes: list } = await other.ok<Changes>("GET", "sync/changes");
    expect(list.map((c) => c.file_id)).toEqual(made.map((f) => f.file_id));
  });

  it("J3: the cursor of another drive says nothing of mine", async () => {
    const other = await newUser();
    const theirs = (await other.ok<Changes>("GET", "sync/changes?cursor=now")).next_cursor;
    expect((await changes(theirs)).changes).toEqual((await changes()).changes);
  });

  it("J4: the polling form takes RFC 3339, with any offset, and Unix seconds", async () => {
    const at = Date.now();
    await user.folder(`polled ${at}`);
    const forms = [
      new Date(at).toISOString(),
      new Date(at + 7_200_000).toISOString().replace("Z", "+02:00"),
      String(at / 1000),
    ];
    for (const last_sync of forms) {
      const polled = await user.ok<Changes>("GET", `files/sync?${new URLSearchParams({ last_sync })}`);
      expect(seen(polled)).toEqual([["created", `polled ${at}`]]);
    }
    const later = new URLSearchParams({ last_sync: new Date(at + 60_000).toISOString() });
    expect((await user.ok<Changes>("GET", `files/sync?${later}`)).changes).toEqual([]);
  });

  it("J5: a batch answers each change by itself, a repeat as the first one", async () => {
    const folder = await user.folder("batch");
    const json = {
      device_id: user.signedIn.device_id,
      changes: [
        { op_id: "1", op: "create_folder", parent_id: folder.file_id, name: "in it" },
        { op_id: "2", op: "create_folder", parent_id: folder.file_id, name: "IN IT" },
        { op_id: "3", op: "update", file_id: folder.file_id, name: "renamed" },
        { op_id: "4", op: "trash", file_id: newId(tenantOf(user.id), Date.now()) },
        { op_id: "5", op: "trash", file_id: folder.file_id },
      ],
    };
    const first = await user.ok<DeltaAnswer>("POST", "sync/delta", { json });
    expect(first.results.map((r) => [r.op_id, r.status, r.code])).toEqual([
      ["1", "applied", null],
      ["2", "rejected", "name_taken"],
      ["3", "applied", null],
      ["4", "rejected", "not_found"],
      ["5", "applied", null],
    ]);
    const from = await now();
    const again = await user.ok<DeltaAnswer>("POST", "sync/delta", { json });
    expect(again.results.map((r) => [r.op_id, r.status])).toEqual(first.results.map((r) => [r.op_id, r.status]));
    expect((await changes(from)).changes).toEqual([]);
  });
});

describe("sockets", () => {
  it("W1: each device of the user is told the sequence number, and the changes when they are few; no other user is", async () => {
    const [one, other] = [await newUser(), await newUser()];
    const sockets = [
      await Socket.open((await otherDevice(one)).token!),
      await Socket.open((await otherDevice(one)).token!),
    ];
    const theirs = await Socket.open(other.token!);
    const { file_id } = await one.folder("told");
    for (const socket of sockets) {
      await waitFor(() => socket.messages.length > 0);
      expect(socket.messages).toEqual([
        { type: "changes", drive_id: one.id, seq: 1, changes: [{ seq: 1, file_id, op: "created" }] },
      ]);
    }
    expect(theirs.messages).toEqual([]);
  });

  it("W1: many at once are one number", async () => {
    const one = await newUser();
    const inner = await one.folder("many");
    for (let i = 0; i < 25; i++) await one.folder(`${i}`, inner.file_id);
    const socket = await Socket.open(one.token!);
    await one.ok("POST", `files/${inner.file_id}/copy`, { json: {} });
    await waitFor(() => socket.last?.seq === 52);
    expect(socket.last).toEqual({ type: "changes", drive_id: one.id, seq: 52 });
  });

  it("W3: ping is answered pong", async () => {
    const socket = await Socket.open(user.token!);
    socket.ws.send("ping");
    await waitFor(() => socket.messages.includes("pong"));
  });

  it("W4: a device that is signed out is told and closed at once, the others stay", async () => {
    const second = await otherDevice(user);
    const [mine, theirs] = [await Socket.open(user.token!), await Socket.open(second.token!)];
    await second.ok("POST", "auth/logout");
    await waitFor(() => theirs.closed !== null);
    expect(theirs.messages).toEqual([{ type: "signed_out" }]);
    expect(theirs.closed!.code).toBe(4001);
    expect(mine.closed).toBeNull();
  });

  it("W9: the sockets of a device that is removed are closed at once, one that comes too late as well", async () => {
    const second = await otherDevice(user);
    const [mine, theirs] = [await Socket.open(user.token!), await Socket.open(second.token!)];
    await user.ok("DELETE", `devices/${second.signedIn.device_id}`);
    await waitFor(() => theirs.closed !== null);
    expect([theirs.messages, theirs.closed!.code]).toEqual([[{ type: "signed_out" }], 4001]);
    // Let in before the device was removed, on its way meanwhile.
    const session_id = second.signedIn.refresh_token.split(".")[0] as string;
    const late = await Socket.upgrade(user.id, { session_id, device_id: second.signedIn.device_id });
    await waitFor(() => late.closed !== null);
    expect([late.closed!.code, mine.closed]).toEqual([4001, null]);
  });

  it("W6: what is committed within a tick is one message; who made it is told the number", async () => {
    const one = await newUser();
    const [mine, other] = [await Socket.open(one.token!), await Socket.open((await otherDevice(one)).token!)];
    await Promise.all(Array.from({ length: 12 }, (_, i) => one.folder(`${i}`)));
    await waitFor(() => other.last?.seq === 12 && mine.last?.seq === 12);
    const told = other.messages.flatMap((message) => (message as { changes: { seq: number }[] }).changes);
    expect(told.map(({ seq }) => seq)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(mine.messages.every((message) => !("changes" in (message as object)))).toBe(true);
    expect(other.messages.length).toBeLessThan(12);
  });

  it("W5: a close frame is answered with its code", async () => {
    const socket = await Socket.open(user.token!);
    socket.ws.close(1000, "done");
    await waitFor(() => socket.closed !== null);
    expect(socket.closed!.code).toBe(1000);
  });
});
