/** docs/spec/sync.md, VD1 to VD4: what somebody is told of what others share with them. */
import { beforeEach, describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import type { Change, Changes } from "../../core/protocol/sync.ts";
import { apiEnv, newUser, shardOf, text, User, withVars } from "../support/workerd/api.ts";
import { Device, filesOf, snapshot } from "../support/workerd/device.ts";
import { deliver, give, take } from "../support/workerd/shares.ts";
import { WatchedD1 } from "../support/workerd/watched-d1.ts";

let owner: User;
let reader: User;
beforeEach(async () => {
  [owner, reader] = [await newUser(), await newUser()];
});

const seen = (changes: Change[]): string[] => changes.map(({ op, file, file_id }) => `${op} ${file?.name ?? file_id}`);
const move = (by: User, file: File, to: File | "root"): Promise<File> =>
  by.ok("PATCH", `files/${file.file_id}`, { json: { parent_id: to === "root" ? "root" : to.file_id } });
const trash = (by: User, { file_id }: File): Promise<unknown> => by.ok("DELETE", `files/${file_id}`);
const untrash = (by: User, { file_id }: File): Promise<unknown> => by.ok("POST", `files/${file_id}/untrash`);
const purge = (by: User, { file_id }: File): Promise<unknown> => by.ok("DELETE", `trash/${file_id}`);

/** What the reader was given so far is no news any more, however old a cursor is made. */
async function forget(): Promise<void> {
  const db = await shardOf(reader.id);
  await db.prepare("update incoming_shares set noted_at = 0 where user_id = ?1").bind(reader.id).run();
}

/** A folder that the reader sees, with a file in it, and a device that knows them. */
async function shared(permission = "view"): Promise<{ folder: File; file: File; device: Device }> {
  const folder = await owner.folder("shared");
  const file = await owner.file("in it.txt", text("x"), folder.file_id);
  await give(owner, folder, reader, permission);
  await deliver(owner);
  await forget();
  return { folder, file, device: await Device.begin(reader) };
}

describe("what lies in a shared folder", () => {
  it("VD3: changes in it are told as those who make them see them, but for the permission; nothing beside it is", async () => {
    const { folder, file, device } = await shared();
    await owner.folder("private");
    const made = await owner.folder("made", folder.file_id);
    await owner.ok("PATCH", `files/${file.file_id}`, { json: { name: "renamed.txt" } });
    const told = await device.pull();
    expect(seen(told)).toEqual(["created made", "updated renamed.txt"]);
    expect(told[0]).toMatchObject({ drive_id: owner.id, file: { ...made, permission: "view" } });
    expect(await device.pull()).toEqual([]);
  });

  it("VD3: what moves out, is trashed or purged is gone; what moves in comes with all below it", async () => {
    const { folder, file, device } = await shared();
    const [deep, beside] = [await owner.folder("deep", folder.file_id), await owner.folder("beside")];
    await owner.folder("below", beside.file_id);
    await owner.folder("bottom", deep.file_id);
    await device.pull();
    await move(owner, deep, "root");
    await move(owner, beside, folder);
    await trash(owner, file);
    expect(seen(await device.pull())).toEqual([`updated ${deep.file_id}`, "updated beside", `trashed ${file.file_id}`]);
    expect(device.names).toEqual(["below", "beside", "shared"]);
    await untrash(owner, file);
    await move(owner, deep, beside);
    await device.pull();
    expect(device.names).toEqual(["below", "beside", "bottom", "deep", "in it.txt", "shared"]);
    await trash(owner, beside);
    await purge(owner, beside);
    await device.pull();
    expect(device.names).toEqual(["in it.txt", "shared"]);
  });

  it("VD3: out and in again between two looks is told as it is now, and out by two steps as gone", async () => {
    const { folder, file, device } = await shared();
    const hidden = await owner.folder("hidden");
    await move(owner, file, hidden);
    await move(owner, file, folder);
    await device.pull();
    expect(device.names).toEqual(["in it.txt", "shared"]);
    await move(owner, file, hidden);
    await move(owner, file, "root");
    await device.pull();
    expect(device.names).toEqual(["shared"]);
  });

  it("VD4: trash of a folder above ends it, untrash brings it back, purge ends it for good", async () => {
    const above = await owner.folder("above");
    const item = await owner.folder("item", above.file_id);
    await owner.folder("below", item.file_id);
    await give(owner, item, reader);
    await deliver(owner);
    const device = await Device.begin(reader);
    await trash(owner, above);
    expect(seen(await device.pull())).toEqual([`trashed ${item.file_id}`]);
    await untrash(owner, above);
    expect(seen(await device.pull())).toEqual(["untrashed item"]);
    expect(device.names).toEqual(["below", "item"]);
    await trash(owner, above);
    await purge(owner, above);
    await device.pull();
    expect(device.names).toEqual([]);
  });
});

describe("gaining and losing", () => {
  it("VD4: a grant is told as `shared`, once there is a pointer; another permission as `shared` again", async () => {
    const device = await Device.begin(reader);
    const folder = await owner.folder("given");
    await owner.folder("below", folder.file_id);
    const given = await give(owner, folder, reader);
    await deliver(owner);
    expect(seen(await device.pull())).toEqual(["shared given"]);
    expect(device.names).toEqual(["below", "given"]);
    await owner.ok("PATCH", `files/${folder.file_id}/permissions/${given.permission_id}`, {
      json: { permission: "edit" },
    });
    const told = await device.pull();
    expect(told.map(({ op, file }) => [op, file?.permission])).toContainEqual(["shared", "edit"]);
    expect([...device.tree.values()].map(({ permission }) => permission)).toEqual(["edit", "edit"]);
  });

  it("VD4: what is taken away is told as `unshared`, and the drive is forgotten", async () => {
    const folder = await owner.folder("given");
    const given = await give(owner, folder, reader);
    await deliver(owner);
    const device = await Device.begin(reader);
    await take(owner, given);
    await deliver(owner);
    expect(seen(await device.pull())).toEqual([`unshared ${folder.file_id}`]);
    expect(await device.pull()).toEqual([]);
    await owner.folder("later", folder.file_id);
    expect(await device.pull()).toEqual([]);
  });

  it("VD4: one of two grants taken away leaves what the other gives", async () => {
    const { folder, device } = await shared();
    const inner = await owner.folder("inner", folder.file_id);
    const bottom = await owner.folder("bottom", inner.file_id);
    const edit = await give(owner, inner, reader, "edit");
    await deliver(owner);
    await device.pull();
    expect(device.tree.get(bottom.file_id)?.permission).toBe("edit");
    await take(owner, edit);
    await device.pull();
    expect(device.tree.get(bottom.file_id)?.permission).toBe("view");
  });

  it("VD3: what is seen by a grant of its own stays when the folder above it is taken away, or it leaves", async () => {
    const folder = await owner.folder("outer");
    const inner = await owner.folder("inner", folder.file_id);
    await owner.folder("bottom", inner.file_id);
    const outer = await give(owner, folder, reader);
    await give(owner, inner, reader);
    await deliver(owner);
    const device = await Device.begin(reader);
    await take(owner, outer);
    await deliver(owner);
    expect(seen(await device.pull())).toEqual([`unshared ${folder.file_id}`, "shared inner"]);
    expect(device.names).toEqual(["bottom", "inner"]);
  });

  it("VD4: an expiry is noticed by the next look", async () => {
    const { folder, device } = await shared();
    const db = await shardOf(owner.id);
    const end = db.prepare("update permissions set expires_at = ?2 where file_id = ?1");
    await end.bind(folder.file_id, Date.now() - 1000).run();
    expect(seen(await device.pull())).toEqual([`unshared ${folder.file_id}`]);
    expect(device.names).toEqual([]);
    expect(await device.pull()).toEqual([]);
  });

  it("VD4: what others are given, and what they lose, is not told", async () => {
    const { folder, device } = await shared();
    const third = await newUser();
    const given = await give(owner, folder, third);
    await take(owner, given);
    expect(await device.pull()).toEqual([]);
  });

  it("A3, VD3: a made-up cursor tells nothing of a drive that is not shared, not even how far it is", async () => {
    await owner.folder("private");
    const theirs = (await owner.ok<Changes>("GET", "sync/changes")).next_cursor;
    const none = (await reader.ok<Changes>("GET", "sync/changes")).next_cursor;
    const device = new Device(reader);
    device.cursor = theirs;
    expect(await device.pull()).toEqual([]);
    expect(device.cursor.length).toBe(none.length);
  });
});

describe("the polling form and the end of the journals", () => {
  it("VD1: files/sync tells of the drives of others since a time, and its cursor goes on", async () => {
    const { folder } = await shared();
    const last_sync = new Date().toISOString();
    await owner.folder("since", folder.file_id);
    const polled = await reader.ok<Changes>("GET", `files/sync?${new URLSearchParams({ last_sync })}`);
    expect(polled.changes.map(({ file }) => file?.name)).toContain("since");
    await owner.folder("after", folder.file_id);
    const next = await reader.ok<Changes>("GET", `files/sync?${new URLSearchParams({ last_sync })}`);
    expect(next.changes.map(({ file }) => file?.name)).toContain("after");
  });

  it("VD1: from `now` on only what comes after is told", async () => {
    const { folder } = await shared();
    const device = new Device(reader);
    device.cursor = "now";
    const { next_cursor } = await reader.ok<Changes>("GET", "sync/changes?cursor=now");
    device.cursor = next_cursor;
    await owner.folder("after now", folder.file_id);
    const told = await device.pull();
    expect(told.map(({ file }) => file?.name)).toContain("after now");
    expect(told.map(({ file }) => file?.name)).not.toContain("in it.txt");
  });

  it("J3, BK13: what a restore could not bring back of another's drive makes the cursor invalid", async () => {
    const { folder, device } = await shared();
    await owner.folder("lost", folder.file_id);
    await device.pull();
    const db = await shardOf(owner.id);
    await db.batch([
      db.prepare("delete from journal where drive_id = ?1 and seq >= 4").bind(owner.id),
      db.prepare("update drives set seq = 9 where drive_id = ?1").bind(owner.id),
    ]);
    await owner.folder("behind the gap", folder.file_id);
    await expect(device.pull()).rejects.toThrow("cursor_invalid");
  });

  it("VD1: pages of one entry add up to the whole, each drive's numbers ascending", async () => {
    const { folder, device } = await shared();
    const others = [await newUser(), await newUser()];
    for (const [i, other] of others.entries()) {
      const theirs = await other.folder(`from ${i}`);
      await give(other, theirs, reader);
      await deliver(other);
      await other.folder(`in ${i}`, theirs.file_id);
    }
    for (let i = 0; i < 4; i++) {
      await owner.folder(`made ${i}`, folder.file_id);
      await reader.folder(`own ${i}`);
    }
    const told = await device.pull(true, 1);
    expect(device.names).toEqual(
      filesOf(await snapshot(reader))
        .map(({ name }) => name)
        .toSorted(),
    );
    for (const [drive_id, changes] of Map.groupBy(told, (change) => change.drive_id)) {
      const seqs = changes.map(({ seq }) => seq);
      expect(seqs, drive_id).toEqual(seqs.toSorted((a, b) => a - b));
    }
  });
});

describe("what it costs", () => {
  /** Rows read of shards by one call of `changes`. @param items that are shared with the reader */
  async function rows(items: number, call: (device: Device) => Promise<unknown>): Promise<number> {
    [owner, reader] = [await newUser(), await newUser()];
    const folders = await Promise.all(Array.from({ length: items }, (_, i) => owner.folder(`shared ${i}`)));
    for (const folder of folders) await give(owner, folder, reader);
    await deliver(owner);
    await forget();
    const watched = apiEnv.SHARDS.split(",").map((name) => [name, new WatchedD1(apiEnv[name]!)] as const);
    const env = withVars(Object.fromEntries(watched.map(([name, { db }]) => [name, db])));
    const device = await Device.begin(new User(reader.signedIn, env));
    await device.pull(false);
    const { file_id } = folders[0]!;
    const before = watched.reduce(
      (
        sum,
        [
          ,
          {
            rows: { read },
          },
        ],
      ) => sum + read,
      0,
    );
    await owner.folder("new", file_id);
    await call(device);
    return (
      watched.reduce(
        (
          sum,
          [
            ,
            {
              rows: { read },
            },
          ],
        ) => sum + read,
        0,
      ) - before
    );
  }

  it("J2, VD2: a change in one drive costs what is new, not what is shared", async () => {
    const told = async (device: Device): Promise<void> => {
      const { seq } = (await (
        await shardOf(owner.id)
      )
        .prepare("select seq from drives where drive_id = ?1")
        .bind(owner.id)
        .first<{ seq: number }>())!;
      await apiEnv.SYNC_HUB.get(apiEnv.SYNC_HUB.idFromName(reader.id)).tell(owner.id, seq, false);
      expect(seen(await device.pull(false))).toEqual(["created new"]);
    };
    const [few, many] = [await rows(3, told), await rows(60, told)];
    expect(many).toBe(few);
    expect(many).toBeLessThan(25);
  });

  it("VD2: nothing new within a minute costs nothing of what is shared; a look costs it once", async () => {
    const nothing = (device: Device) => device.pull(false);
    expect(await rows(60, nothing)).toBe(await rows(3, nothing));
    const look = (device: Device) => device.pull(true);
    const [few, many] = [await rows(3, look), await rows(60, look)];
    expect(many - few).toBeLessThan(57 * 9);
  });
});

describe("whatever happens", () => {
  /** The same for the same seed. */
  const dice = (seed: number) => {
    let x = seed;
    return (below: number): number => {
      x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((x / 2 ** 32) * below);
    };
  };

  it.each([1, 2, 3, 4])(
    "VD1 to VD4: a device that reads now and then has what a snapshot has, seed %i",
    async (seed) => {
      const roll = dice(seed);
      const folders: File[] = [];
      const binned: File[] = [];
      const grants: Awaited<ReturnType<typeof give>>[] = [];
      const pick = <T>(list: T[]): T | undefined => list[roll(list.length)];
      let serial = 0;
      const device = await Device.begin(reader);
      for (let i = 0; i < 3; i++) folders.push(await owner.folder(`first ${i}`));
      grants.push(await give(owner, folders[0]!, reader));
      const acts: (() => Promise<unknown>)[] = [
        async () => folders.push(await owner.folder(`f${serial++}`, pick(folders)?.file_id)),
        async () => folders.push(await owner.folder(`g${serial++}`, pick(folders)?.file_id)),
        async () => {
          const [file, to] = [pick(folders), pick(folders)];
          if (file !== undefined && to !== undefined) await move(owner, file, roll(4) === 0 ? "root" : to);
        },
        async () => {
          const file = pick(folders);
          if (file !== undefined) await owner.ok("PATCH", `files/${file.file_id}`, { json: { name: `r${serial++}` } });
        },
        async () => {
          const file = pick(folders);
          if (file === undefined) return;
          await trash(owner, file);
          binned.push(file);
        },
        async () => {
          const file = pick(binned);
          if (file !== undefined) await (roll(3) === 0 ? purge(owner, file) : untrash(owner, file));
        },
        async () => {
          const file = pick(folders);
          if (file !== undefined) grants.push(await give(owner, file, reader, roll(2) === 0 ? "view" : "edit"));
        },
        async () => {
          const grant = pick(grants);
          if (grant !== undefined) await take(owner, grant);
        },
      ];
      for (let step = 0; step < 60; step++) {
        // Much of it cannot be done: it is trashed, or gone, or lies in itself.
        await acts[roll(acts.length)]!().catch(() => undefined);
        if (roll(5) > 0) continue;
        await deliver(owner);
        await device.pull(true, 1 + roll(20));
        const truth = filesOf(await snapshot(reader));
        const row = ({ file_id, parent_id, name, permission }: File): string =>
          [file_id, parent_id, name, permission].join(" ");
        expect([...device.tree.values()].map(row).toSorted(), `step ${step}`).toEqual(truth.map(row).toSorted());
      }
      expect(device.told.length).toBeGreaterThan(5);
    },
  );
});
