/** docs/spec/sync.md, VD5 and W8: those who see a change are told, at once and whatever ends in between. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { SyncHub } from "../../durable-objects/sync-hub.ts";
import { waitFor } from "../support/wait-for.ts";
import { apiEnv, newUser, otherDevice, shardOf, type User } from "../support/workerd/api.ts";
import { Device } from "../support/workerd/device.ts";
import { deliver, give, take } from "../support/workerd/shares.ts";
import { Socket } from "../support/workerd/socket.ts";

const hubOf = (user: User): DurableObjectStub<SyncHub> =>
  apiEnv.SYNC_HUB.get(apiEnv.SYNC_HUB.idFromName(user.id)) as DurableObjectStub<SyncHub>;

const numbers = (socket: Socket, drive_id: string): number[] =>
  socket.messages.flatMap((message) =>
    typeof message === "object" && message.type === "changes" && message.drive_id === drive_id ? [message.seq] : [],
  );

describe("VD5: people", () => {
  it("a guest is told of what they see, at once; not of what is private, nor a stranger of anything", async () => {
    const [owner, guest, stranger] = [await newUser(), await newUser(), await newUser()];
    const shared = await owner.folder("shared");
    const inner = await owner.folder("inner", shared.file_id);
    await give(owner, shared, guest);
    const sockets = [await Socket.open(guest.token!), await Socket.open(stranger.token!)] as const;
    await owner.folder("private");
    await owner.folder("deep", inner.file_id);
    await waitFor(() => sockets[0].last?.seq === 5);
    expect(numbers(sockets[0], owner.id)).toEqual([5]);
    expect(sockets[0].last).toEqual({ type: "changes", drive_id: owner.id, seq: 5 });
    expect(sockets[1].messages).toEqual([]);
  });

  it("who loses sight of something is told: it left, it was taken away, a folder above it is trashed", async () => {
    const [owner, guest] = [await newUser(), await newUser()];
    const above = await owner.folder("above");
    const shared = await owner.folder("shared", above.file_id);
    const leaving = await owner.folder("leaving", shared.file_id);
    const given = await give(owner, shared, guest);
    await deliver(owner);
    const device = await Device.begin(guest);
    const socket = await Socket.open(guest.token!);
    await owner.ok("PATCH", `files/${leaving.file_id}`, { json: { parent_id: "root" } });
    await waitFor(() => socket.last?.seq === 5);
    await device.pull(false);
    expect(device.names).toEqual(["shared"]);
    await owner.ok("DELETE", `files/${above.file_id}`);
    await waitFor(() => socket.last?.seq === 6);
    await device.pull(false);
    expect(device.names).toEqual([]);
    await owner.ok("POST", `files/${above.file_id}/untrash`);
    await take(owner, given);
    await waitFor(() => socket.last?.seq === 8);
    await device.pull(false);
    expect(device.names).toEqual([]);
  });

  it("VD4: gaining access is told when it can be seen, and read within the minute of a look", async () => {
    const [owner, guest] = [await newUser(), await newUser()];
    const device = await Device.begin(guest);
    await device.pull(false);
    const socket = await Socket.open(guest.token!);
    const given = await owner.folder("given");
    await owner.folder("below", given.file_id);
    await give(owner, given, guest);
    await waitFor(() => socket.messages.length > 0);
    await deliver(owner);
    await waitFor(() => numbers(socket, owner.id).length > 1);
    await device.pull(false);
    expect(device.names).toEqual(["below", "given"]);
  });

  it("every observer sees the numbers of each drive ascending, whoever writes at the same time", async () => {
    const people = [await newUser(), await newUser(), await newUser()];
    const folders = await Promise.all(people.map((person, i) => person.folder(`of ${i}`)));
    for (const [i, person] of people.entries())
      for (const other of people) if (other !== person) await give(person, folders[i]!, other, "edit");
    for (const person of people) await deliver(person);
    const devices = await Promise.all(people.map((person) => Device.begin(person)));
    const sockets = await Promise.all(people.map(async (person) => Socket.open((await otherDevice(person)).token!)));
    const writes = people.map(async (person, i) => {
      for (let n = 0; n < 8; n++) {
        const into = folders[(i + n) % people.length]!;
        await person.folder(`${i} ${n}`, into.file_id);
        if (n % 3 === 0) await devices[i]!.pull(false, 3);
      }
    });
    await Promise.all(writes);
    // Each drive: its folder, two grants, eight folders.
    await waitFor(() => sockets.every((socket) => people.every(({ id }) => numbers(socket, id).at(-1) === 11)));
    for (const device of devices) {
      await device.pull(false);
      for (const changes of Map.groupBy(device.told, ({ drive_id }) => drive_id).values()) {
        const seqs = changes.map(({ seq }) => seq);
        expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
      }
      expect(device.names.length).toBe(3 + 24);
    }
    for (const socket of sockets)
      for (const { id } of people) {
        const seqs = numbers(socket, id);
        expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
      }
  });
});

describe("W8: the outbox", () => {
  it("after a commit an alarm is set, which lapses: the hub sleeps", async () => {
    const user = await newUser();
    await user.folder("one");
    const alarm = (): Promise<number | null> => runInDurableObject(hubOf(user), (_, { storage }) => storage.getAlarm());
    expect(await alarm()).not.toBeNull();
    expect(await runDurableObjectAlarm(hubOf(user))).toBe(true);
    expect(await alarm()).toBeNull();
    expect(await runDurableObjectAlarm(hubOf(user))).toBe(false);
  });

  it("what an object committed and did not tell before it ended, the next one tells", async () => {
    const [owner, guest] = [await newUser(), await newUser()];
    const shared = await owner.folder("shared");
    await give(owner, shared, guest);
    const socket = await Socket.open(guest.token!);
    await runDurableObjectAlarm(hubOf(owner));
    // As a hub leaves it that ends between its commit and its first word: the alarm, the journal, nobody told.
    const db = await shardOf(owner.id);
    await db.batch([
      db
        .prepare(
          `insert into journal (tenant_id, drive_id, seq, op, file_id, op_id, actor_id, at)
           select tenant_id, drive_id, 3, op, file_id, 'lost', actor_id, at from journal where drive_id = ?1 and seq = 1`,
        )
        .bind(owner.id),
      db.prepare("update drives set seq = 3 where drive_id = ?1").bind(owner.id),
    ]);
    await runInDurableObject(hubOf(owner), (_, { storage }) => storage.setAlarm(Date.now() + 60_000));
    await evictDurableObject(hubOf(owner));
    expect(await runDurableObjectAlarm(hubOf(owner))).toBe(true);
    await waitFor(() => numbers(socket, owner.id).at(-1) === 3);
  });
});

it("W7: the runtime gives the same object for a socket each time, and tells when its heartbeat was", async () => {
  const user = await newUser();
  const socket = await Socket.open(user.token!);
  socket.ws.send("ping");
  await waitFor(() => socket.messages.includes("pong"));
  await runInDurableObject(hubOf(user), (_, state) => {
    const [one, again] = [state.getWebSockets()[0], state.getWebSockets()[0]];
    expect(one).toBe(again);
    expect(state.getWebSocketAutoResponseTimestamp(one!)?.getTime()).toBeGreaterThan(0);
  });
});
