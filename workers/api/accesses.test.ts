import { expect, it } from "vitest";
import { newId } from "../../core/protocol/ids.ts";
import { ShardMap } from "../../platform/d1/shard-map.ts";
import { bindings, DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { WatchedD1 } from "../../test/support/workerd/watched-d1.ts";
import { accessesOf } from "./accesses.ts";

it("A13, X6: rights on files of many tenants cost one query of the directory and one of each shard", async () => {
  const reader = await DriveFixture.create();
  const ids: string[] = [];
  for (let i = 0; i < 12; i++) {
    const drive = await DriveFixture.create(i % 2 === 0 ? "SHARD_00" : "SHARD_01");
    const file = await drive.file(`${i}.txt`, noise(10));
    await drive.grant(file.file_id, { user_id: reader.root, permission: "view" });
    ids.push(file.file_id);
  }
  const directory = new WatchedD1(bindings.DIRECTORY!);
  const watched = new Map(["SHARD_00", "SHARD_01"].map((name) => [name, new WatchedD1(bindings[name]!)]));
  const databases = new Map([...watched].map(([name, { db }]) => [name, db]));
  const shards = new ShardMap(directory.db, databases);
  const ran = (): number[] => [directory, ...watched.values()].map((one) => one.ran.length);

  const unknown = [newId(77, Date.now()), reader.id()];
  const accesses = await accessesOf({ shards }, { kind: "user", user_id: reader.root }, [...ids, ...unknown]);
  expect([...accesses.keys()].toSorted()).toEqual(ids.toSorted());
  expect([...accesses.values()].every(({ grants }) => grants.length === 1)).toBe(true);
  expect(ran()).toEqual([1, 1, 1]);
  // Places are remembered, but that a tenant does not exist is not.
  await accessesOf({ shards }, { kind: "user", user_id: reader.root }, ids);
  expect(ran()).toEqual([1, 2, 2]);
});
