/** docs/spec/sync.md, SN1 to SN3: what a snapshot tells, where it goes on, what it costs. */
import { beforeAll, describe, expect, it } from "vitest";
import type { FileRow } from "../../core/files/model.ts";
import type { File } from "../../core/protocol/files.ts";
import type { SnapshotLine } from "../../core/protocol/snapshot.ts";
import type { Changes } from "../../core/protocol/sync.ts";
import { type Places, walk } from "../../core/sync/walk.ts";
import { D1WalkStore } from "../../platform/d1/shard/walk-store.ts";
import { expectProblem, newUser, text } from "../support/workerd/api.ts";
import { bindings, DriveFixture } from "../support/workerd/drive-fixture.ts";
import { cursorOf, filesOf, snapshot } from "../support/workerd/device.ts";
import { deliver, give, take } from "../support/workerd/shares.ts";
import { WatchedD1 } from "../support/workerd/watched-d1.ts";

const namesOf = (lines: SnapshotLine[]): string[] => filesOf(lines).map(({ name }) => name);

describe("what a snapshot tells", () => {
  it("SN1: a cursor, all that lives, parents before children, and the end; `changes` goes on from there", async () => {
    const user = await newUser();
    const b = await user.folder("b");
    const a = await user.folder("a", b.file_id);
    await user.file("deep.txt", text("x"), a.file_id);
    await user.file("z.txt", text("x"));
    const lines = await snapshot(user);
    expect(lines.map(({ type }) => type)).toEqual(["start", "file", "file", "file", "file", "page", "end"]);
    expect(namesOf(lines)).toEqual(["b", "a", "deep.txt", "z.txt"]);
    expect(filesOf(lines)[1]).toEqual(await user.ok<File>("GET", `files/${a.file_id}`));
    await user.folder("later");
    const next = await user.ok<Changes>("GET", `sync/changes?cursor=${cursorOf(lines)}`);
    expect(next.changes.map(({ file }) => file?.name)).toEqual(["later"]);
  });

  it("SN1: what is trashed, and what lies in it, is left out", async () => {
    const user = await newUser();
    const bin = await user.folder("bin");
    await user.folder("in it", bin.file_id);
    const kept = await user.folder("kept");
    const gone = await user.folder("gone", kept.file_id);
    for (const { file_id } of [bin, gone]) await user.ok("DELETE", `files/${file_id}`);
    expect(namesOf(await snapshot(user))).toEqual(["kept"]);
  });

  it("SN1: of a drive with nothing in it there is only the beginning and the end", async () => {
    const lines = await snapshot(await newUser());
    expect(lines.map(({ type }) => type)).toEqual(["start", "page", "end"]);
  });

  it("SN1: items that others share, each once, with the higher of two permissions; nothing beside them", async () => {
    const [owner, reader] = [await newUser(), await newUser()];
    const shared = await owner.folder("shared");
    const inner = await owner.folder("inner", shared.file_id);
    await owner.folder("innermost", inner.file_id);
    await owner.folder("private");
    const single = await owner.file("single.txt", text("x"));
    await give(owner, shared, reader, "view");
    await give(owner, inner, reader, "edit");
    const given = await give(owner, single, reader, "view");
    await deliver(owner);
    await reader.folder("own");
    const files = filesOf(await snapshot(reader));
    expect(files.map(({ name, permission }) => `${name} ${permission}`).toSorted()).toEqual([
      "inner edit",
      "innermost edit",
      "own owner",
      "shared view",
      "single.txt view",
    ]);
    expect(files[0]!.name).toBe("own");
    await take(owner, given);
    await owner.ok("DELETE", `files/${inner.file_id}`);
    expect(namesOf(await snapshot(reader)).toSorted()).toEqual(["own", "shared"]);
  });

  it("SN2: one folder with all below it, one's own or another's; what may not be seen is not found", async () => {
    const [owner, reader] = [await newUser(), await newUser()];
    const shared = await owner.folder("shared");
    await owner.folder("in it", shared.file_id);
    await owner.folder("beside");
    expect(namesOf(await snapshot(owner, { folder_id: shared.file_id }))).toEqual(["shared", "in it"]);
    expect(namesOf(await snapshot(owner, { folder_id: "root" }))).toEqual(["beside", "shared", "in it"]);
    expectProblem(await reader.ask("GET", `sync/snapshot?folder_id=${shared.file_id}`), 404, "not_found");
    await give(owner, shared, reader);
    // The grant decides, whether or not its pointer is there.
    expect(namesOf(await snapshot(reader, { folder_id: shared.file_id }))).toEqual(["shared", "in it"]);
    await owner.ok("DELETE", `files/${shared.file_id}`);
    expectProblem(await reader.ask("GET", `sync/snapshot?folder_id=${shared.file_id}`), 410, "trashed");
  });

  it("SN2: a place that is none of ours is refused", async () => {
    const user = await newUser();
    expectProblem(await user.ask("GET", "sync/snapshot?after=rubbish"), 400, "cursor_invalid");
  });
});

describe("where a snapshot goes on", () => {
  let drive: DriveFixture;
  let store: D1WalkStore;
  let top: FileRow;
  const me = () => ({ kind: "user", user_id: drive.root }) as const;

  beforeAll(async () => {
    drive = await DriveFixture.create();
    store = new D1WalkStore(drive.shard, drive.tenant);
    top = await drive.folder("top");
  });

  /** Pages of two files, each told to `between` before the next one is read. */
  async function walked(
    start: Places,
    between: (name: string) => Promise<unknown> = async () => undefined,
  ): Promise<{ names: string[]; places: Places[] }> {
    const names: string[] = [];
    const places: Places[] = [];
    for await (const page of walk(store, me(), start, { limit: 2, direct: new Map() })) {
      names.push(...page.seen.map(({ file }) => file.name));
      places.push(page.places);
      await between(names.at(-1) ?? "");
    }
    return { names, places };
  }

  async function tree(name: string): Promise<Record<string, FileRow>> {
    const root = await drive.folder(name, top.file_id);
    const made: Record<string, FileRow> = { root };
    for (const a of ["a", "b", "c"]) {
      const folder = (made[a] = await drive.folder(a, root.file_id));
      for (const i of [1, 2, 3]) made[a + i] = await drive.folder(a + i, folder.file_id);
    }
    return made;
  }
  const ALL = ["a", "a1", "a2", "a3", "b", "b1", "b2", "b3", "c", "c1", "c2", "c3"];

  it("SN2: from any of its places the rest is the rest", async () => {
    const { root } = await tree("whole");
    const { names, places } = await walked([[root!.file_id, ""]]);
    expect(names).toEqual(ALL);
    for (const [i, place] of places.entries())
      expect((await walked(place)).names, String(i)).toEqual(ALL.slice((i + 1) * 2));
  });

  it("SN2: what stays where it is is told, whatever moves around it", async () => {
    const moves: ((made: Record<string, FileRow>) => Promise<unknown>)[] = [
      // The folder that is being walked: to the front, to the back, into another one.
      ({ b }) => drive.run({ op: "update", file_id: b!.file_id, name: "0" }),
      ({ b }) => drive.run({ op: "update", file_id: b!.file_id, name: "z" }),
      ({ b, c }) => drive.run({ op: "update", file_id: b!.file_id, parent_id: c!.file_id }),
      ({ b1 }) => drive.run({ op: "update", file_id: b1!.file_id, name: "zz" }),
      ({ a }) => drive.run({ op: "trash", file_id: a!.file_id }),
    ];
    for (const [i, move] of moves.entries()) {
      const made = await tree(`moving ${i}`);
      const { names } = await walked([[made.root!.file_id, ""]], async (last) => {
        if (last === "b1") await move(made);
      });
      for (const name of ["b2", "b3", "c", "c1", "c2", "c3"]) expect(names, `${i}: ${names.join()}`).toContain(name);
    }
  });

  it("SN3: a folder that is not seen any more is left in the middle, and what follows it is told", async () => {
    const made = await tree("left");
    const { names } = await walked([[made.root!.file_id, ""]], async (last) => {
      if (last === "b1") await drive.run({ op: "trash", file_id: made.b!.file_id });
    });
    expect(names).toEqual(["a", "a1", "a2", "a3", "b", "b1", "c", "c1", "c2", "c3"]);
  });

  it("SN3: what moves out of a shared folder is not told to who sees only that", async () => {
    const made = await tree("shared");
    const other = await DriveFixture.create();
    await drive.grant(made.b!.file_id, { user_id: other.root });
    const reader = { kind: "user", user_id: other.root } as const;
    const start: Places = [[made.b!.file_id, ""]];
    const page = await walk(store, reader, start, { limit: 1, direct: new Map() }).next();
    await drive.run({ op: "update", file_id: made.b1!.file_id, parent_id: made.c!.file_id });
    const rest = await walk(store, reader, page.value!.places, { limit: 9, direct: new Map() }).next();
    expect(rest.value!.seen.map(({ file }: { file: FileRow }) => file.name)).toEqual(["b2", "b3"]);
    // A made-up place opens nothing.
    const forged = walk(store, reader, [[made.a!.file_id, ""]], { limit: 9, direct: new Map() });
    expect((await forged.next()).done).toBe(true);
  });
});

describe("what a snapshot costs", () => {
  const PAGE = 50;

  /** Rows read by a walk of a drive with so many files, half of them in one folder. */
  async function cost(count: number): Promise<{ read: number; files: number; pages: number }> {
    const watched = new WatchedD1(bindings.SHARD_00!);
    const drive = await DriveFixture.create();
    const wide = await drive.folder("wide");
    const all = Array.from({ length: count / 2 }, (_, i) => i);
    await Promise.all(all.map((i) => drive.folder(`w${i}`, wide.file_id)));
    const folders = await Promise.all(all.slice(0, count / 20).map((i) => drive.folder(`f${i}`)));
    await Promise.all(folders.flatMap(({ file_id }) => all.slice(0, 9).map((i) => drive.folder(`n${i}`, file_id))));
    const store = new D1WalkStore(watched.db, drive.tenant);
    let [files, pages] = [0, 0];
    const { read } = await watched.count(async () => {
      const me = { kind: "user", user_id: drive.root } as const;
      for await (const page of walk(store, me, [[drive.root, ""]], { limit: PAGE, direct: new Map() })) {
        files += page.seen.length;
        pages += 1;
      }
    });
    return { read, files, pages };
  }

  it("SN3: rows read grow with what there is, once, not with its pages", async () => {
    const [small, large] = [await cost(200), await cost(1000)];
    expect([small.files, large.files]).toEqual([201, 1001]);
    expect(large.pages).toBeGreaterThan(20);
    const [each, eachLarge] = [small.read / small.files, large.read / large.files];
    expect(eachLarge).toBeLessThan(each * 1.1);
    expect(eachLarge, "rows a file").toBeLessThan(6);
  });
});
