import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newPackId } from "../packs/format.ts";
import { MemoryDrive } from "../../test/support/memory/drive.ts";
import { type Fault, FaultyStore } from "../../test/support/memory/faulty-store.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { UploadTarget } from "../uploads/model.ts";
import { boundedStore } from "./bounded-store.ts";
import type { Command, Outcome, Result } from "./commands.ts";
import type { Hub } from "./hub.ts";
import type { Writes } from "./ports.ts";

const done = (result: Result): Outcome => {
  if (!result.ok) throw new Error(`refused: ${result.failure.code}`);
  return result.outcome;
};
const codeOf = (result: Result): ErrorCode | "ok" => (result.ok ? "ok" : result.failure.code);

/** A store whose commits do as listed, then all work. */
const withCommits = (drive: MemoryDrive, ...faults: Fault[]): FaultyStore =>
  new FaultyStore(drive.store, (call) => (call === "commit" ? (faults.shift() ?? "none") : "none"));

const names = (drive: MemoryDrive): string[] =>
  [...drive.store.state.files.values()].flatMap((f) => (f.parent_id === null ? [] : [f.name])).toSorted();

const seqs = (drive: MemoryDrive): number[] => drive.store.state.journal.map((e) => e.seq);

describe("group commit", () => {
  it("H2: what arrives during a batch is committed by the next one: 100 commands, two batches", async () => {
    const drive = new MemoryDrive();
    const store = withCommits(drive);
    const hub = drive.hub(store);
    const results = await Promise.all(Array.from({ length: 100 }, (_, i) => drive.submit(hub, drive.folder(`${i}`))));
    expect(results.map(codeOf)).toEqual(results.map(() => "ok"));
    // The first finds an idle hub and goes alone; the other 99 wait for it.
    expect(store.calls).toEqual({ load: 2, commit: 2 });
  });

  it("a rename reads once when it knows where the file is; a wrong belief costs a second read and nothing else", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const { file } = done(await drive.submit(hub, drive.folder("a")));
    await drive.submit(hub, drive.folder("taken"));
    const rename = (name: string, seen?: { parent_id: string; name: string }) =>
      ({ op: "update", file_id: file!.file_id, name, seen }) as const;
    for (const [seen, load] of [
      [{ parent_id: drive.root, name: "a" }, 1],
      [{ parent_id: drive.root, name: "elsewhere" }, 2],
      [undefined, 2],
    ] as const) {
      const store = withCommits(drive);
      const fresh = drive.hub(store);
      expect(codeOf(await drive.submit(fresh, rename("Taken", seen)))).toBe("name_taken");
      expect(store.calls).toEqual({ load, commit: 0 });
    }
  });

  it("H1: sequence numbers are in the order of arrival, without gaps, whoever waits for whom", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const wanted: string[] = [];
    await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        if (i % 3 === 0) await Promise.resolve();
        wanted.push(`folder ${i}`);
        return drive.submit(hub, drive.folder(`folder ${i}`), `folder ${i}`);
      }),
    );
    expect(drive.store.state.journal.map((e) => e.op_id)).toEqual(wanted);
    expect(seqs(drive)).toEqual(wanted.map((_, i) => i + 1));
    expect(drive.store.state.drive.seq).toBe(30);
  });

  it("H2: a group has 512 commands at most", async () => {
    const drive = new MemoryDrive();
    const store = withCommits(drive);
    const hub = drive.hub(store);
    await Promise.all(Array.from({ length: 1026 }, (_, i) => drive.submit(hub, drive.folder(`${i}`))));
    expect(store.calls.commit).toBe(4);
    expect(seqs(drive)).toHaveLength(1026);
  });

  it("H2: commands that are submitted together are a group from the first one on, in their order", async () => {
    const drive = new MemoryDrive();
    const store = withCommits(drive);
    const hub = drive.hub(store);
    const wanted = Array.from({ length: 1001 }, (_, i) => `${i}`);
    const actor = { user_id: drive.root, device_id: null };
    const results = await hub.submitAll(wanted.map((op_id) => ({ command: drive.folder(op_id), actor, op_id })));
    expect(results.map((r) => done(r).file!.name)).toEqual(wanted);
    expect(drive.store.state.journal.map((e) => e.op_id)).toEqual(wanted);
    expect(store.calls).toEqual({ load: 2, commit: 2 });
  });

  it("H3: one bad command fails alone", async () => {
    const drive = new MemoryDrive();
    const store = withCommits(drive);
    const hub = drive.hub(store);
    const asked = [drive.folder("a"), drive.folder("b"), drive.folder("B"), drive.folder("a/b"), drive.folder("c")];
    const results = await Promise.all(asked.map((command) => drive.submit(hub, command)));
    expect(results.map(codeOf)).toEqual(["ok", "ok", "name_taken", "name_invalid", "ok"]);
    expect(names(drive)).toEqual(["a", "b", "c"]);
    expect(seqs(drive)).toEqual([1, 2, 3]);
    expect(store.calls.commit).toBe(2);
  });

  it("H3: a group of refusals writes nothing", async () => {
    const drive = new MemoryDrive();
    const store = withCommits(drive);
    const hub = drive.hub(store);
    const asked = [1, 2, 3].map(() => drive.submit(hub, { op: "trash", file_id: drive.root }));
    expect((await Promise.all(asked)).map(codeOf)).toEqual(["root_is_fixed", "root_is_fixed", "root_is_fixed"]);
    expect(store.calls.commit).toBe(0);
    expect(drive.announced).toEqual([]);
  });

  it("later commands of a group stand on earlier ones", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const [a, b] = (await Promise.all(["a", "b"].map((n) => drive.submit(hub, drive.folder(n))))).map(
      (r) => done(r).file!.file_id,
    ) as [string, string];
    const results = await Promise.all([
      drive.submit(hub, drive.folder("first goes alone")),
      drive.submit(hub, { op: "update", file_id: a, name: "c" }),
      drive.submit(hub, { op: "update", file_id: b, name: "a" }),
      drive.submit(hub, { op: "update", file_id: b, parent_id: a }),
      drive.submit(hub, { op: "update", file_id: a, parent_id: b }),
      drive.submit(hub, { op: "trash", file_id: a }),
      drive.submit(hub, { op: "update", file_id: b, name: "d" }),
    ]);
    expect(results.map(codeOf)).toEqual(["ok", "ok", "ok", "ok", "cannot_move_into_itself", "ok", "trashed"]);
  });

  it("a purge ends what the commands before it put into its tree, and nothing after it finds any of it", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const folder = done(await drive.submit(hub, drive.folder("folder"))).file!.file_id;
    const child = done(await drive.submit(hub, drive.folder("child", folder))).file!.file_id;
    const moved = done(await drive.submit(hub, drive.folder("moved"))).file!.file_id;
    const results = await Promise.all([
      drive.submit(hub, drive.folder("goes alone")),
      drive.submit(hub, drive.folder("new", folder)),
      drive.submit(hub, { op: "update", file_id: moved, parent_id: folder }),
      drive.submit(hub, { op: "trash", file_id: folder }),
      drive.submit(hub, { op: "purge", file_id: folder }),
      drive.submit(hub, { op: "update", file_id: child, name: "risen" }),
      drive.submit(hub, { op: "update", file_id: moved, name: "risen" }),
    ]);
    expect(results.map(codeOf)).toEqual(["ok", "ok", "ok", "ok", "ok", "not_found", "not_found"]);
    expect(names(drive)).toEqual(["goes alone"]);
  });
});

describe("a store that fails", () => {
  it("H4: the commands of a failed batch are tried one by one, and each is answered", async () => {
    const drive = new MemoryDrive();
    const store = withCommits(drive, "none", "fail");
    const hub = drive.hub(store);
    const results = await Promise.all(["a", "b", "c", "d"].map((n) => drive.submit(hub, drive.folder(n))));
    expect(results.map(codeOf)).toEqual(["ok", "ok", "ok", "ok"]);
    // Alone, the failed group, and its three one by one.
    expect(store.calls.commit).toBe(5);
    expect(seqs(drive)).toEqual([1, 2, 3, 4]);
    expect(drive.reported).toHaveLength(1);
  });

  it("H4, H8: what fails again is unavailable, and only that", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub(withCommits(drive, "none", "fail", "none", "fail", "none"));
    const results = await Promise.all(["a", "b", "c", "d"].map((n) => drive.submit(hub, drive.folder(n))));
    expect(results.map(codeOf)).toEqual(["ok", "ok", "unavailable", "ok"]);
    expect(names(drive)).toEqual(["a", "b", "d"]);
    expect(seqs(drive)).toEqual([1, 2, 3]);
  });

  it("H5: a batch whose answer was lost is found by its operations, and done once", async () => {
    const drive = new MemoryDrive();
    const store = withCommits(drive, "none", "lose");
    const hub = drive.hub(store);
    const results = await Promise.all(["a", "b", "c"].map((n) => drive.submit(hub, drive.folder(n))));
    expect(results.map((r) => done(r).replayed)).toEqual([false, true, true]);
    expect(results.map((r) => done(r).file!.name)).toEqual(["a", "b", "c"]);
    expect(names(drive)).toEqual(["a", "b", "c"]);
    expect(store.calls.commit).toBe(2);
  });

  it("H5: a client that heard `unavailable` asks again, and gets what its first try had done", async () => {
    const drive = new MemoryDrive();
    // Committed, but the answer is lost; then the store cannot be read either.
    const faults: Fault[] = ["none", "lose", "fail"];
    const hub = drive.hub(new FaultyStore(drive.store, () => faults.shift() ?? "none"));
    expect(codeOf(await drive.submit(hub, drive.folder("a"), "op"))).toBe("unavailable");
    const again = done(await drive.submit(hub, drive.folder("a"), "op"));
    expect([again.replayed, again.file!.name]).toEqual([true, "a"]);
    expect(seqs(drive)).toEqual([1]);
  });

  it("H5: the same operation twice at once is done once", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    await drive.submit(hub, drive.folder("folder"));
    const id = names(drive) && [...drive.store.state.files.keys()].at(-1)!;
    const rename = { op: "update", file_id: id, name: "renamed" } as const;
    const asked = [drive.submit(hub, drive.folder("alone")), ...[1, 2, 3].map(() => drive.submit(hub, rename, "op"))];
    expect((await Promise.all(asked)).map(codeOf)).toEqual(["ok", "ok", "ok", "ok"]);
    expect(drive.store.state.journal.filter((e) => e.op_id === "op")).toHaveLength(1);
  });

  it("H5: a repeat that arrives with the first try gets what that one made", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const asked = [drive.folder("alone"), ...[1, 2, 3].map(() => drive.folder("once"))];
    const results = await Promise.all(asked.map((command, i) => drive.submit(hub, command, i === 0 ? "first" : "op")));
    expect(results.map(codeOf)).toEqual(["ok", "ok", "ok", "ok"]);
    expect(new Set(results.slice(1).map((r) => done(r).file!.file_id)).size).toBe(1);
    expect(names(drive)).toEqual(["alone", "once"]);
  });

  it("H5: a repeat of what was deleted for good since is told so", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const file_id = done(await drive.submit(hub, drive.folder("a"), "op")).file!.file_id;
    await drive.submit(hub, { op: "trash", file_id });
    await drive.submit(hub, { op: "purge", file_id });
    expect(codeOf(await drive.submit(hub, drive.folder("a"), "op"))).toBe("not_found");
  });

  it("H4: a store that cannot be read is asked once for a group, not once for each command", async () => {
    const drive = new MemoryDrive();
    const faults: Fault[] = ["none", "none", "fail"];
    const store = new FaultyStore(drive.store, () => faults.shift() ?? "none");
    const hub = drive.hub(store);
    const results = await Promise.all(["a", "b", "c", "d"].map((n) => drive.submit(hub, drive.folder(n))));
    expect(results.map(codeOf)).toEqual(["ok", "unavailable", "unavailable", "unavailable"]);
    expect(store.calls.load).toBe(2);
  });

  it("F2: a tree is not moved so deep that its lowest folder is below 128", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const chain = async (prefix: string, length: number): Promise<string[]> => {
      const ids = [drive.root];
      for (let i = 0; i < length; i++)
        ids.push(done(await drive.submit(hub, drive.folder(`${prefix}${i}`, ids.at(-1)))).file!.file_id);
      return ids;
    };
    const a = await chain("a", 100);
    const b = await chain("b", 28);
    const move = (to: string) => drive.submit(hub, { op: "update", file_id: a[1] as string, parent_id: to });
    expect(codeOf(await move(b[28] as string))).toBe("too_deep");
    expect(codeOf(await move(b[27] as string))).toBe("ok");
  });

  it("F5, N4: names that are as long as names can be are numbered again and again", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    for (const name of [`${"x".repeat(251)}.txt`, `a.${"x".repeat(253)}`, "é".repeat(127)]) {
      const command = { op: "create_folder", parent_id: drive.root, name, on_name_conflict: "rename" } as const;
      for (let i = 0; i < 12; i++) expect(codeOf(await drive.submit(hub, command))).toBe("ok");
    }
    expect(new Set(names(drive)).size).toBe(36);
  });

  it("H5: a key that was used for another request is refused", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const { file } = done(await drive.submit(hub, drive.folder("a"), "op"));
    const others = [
      drive.folder("b"),
      drive.folder("a", file!.file_id),
      { op: "trash", file_id: file!.file_id } as const,
    ];
    for (const other of others) expect(codeOf(await drive.submit(hub, other, "op"))).toBe("idempotency_key_reused");
    expect(seqs(drive)).toEqual([1]);
  });

  it("H7: nothing is announced before it is committed, and what was lost is announced by its repeat", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub(withCommits(drive, "fail", "fail", "lose"));
    expect(codeOf(await drive.submit(hub, drive.folder("a")))).toBe("unavailable");
    expect(drive.announced).toEqual([]);
    await drive.submit(hub, drive.folder("b"));
    expect(drive.announced.map((e) => e.seq)).toEqual([1]);
  });

  it("H8: a drive that does not exist is not found; a store that never answers right is unavailable", async () => {
    const drive = new MemoryDrive();
    const nowhere = drive.hub({ load: async () => null, commit: async () => undefined });
    expect(codeOf(await drive.submit(nowhere, drive.folder("a")))).toBe("not_found");
    const broken = drive.hub(new FaultyStore(drive.store, () => "fail"));
    const results = await Promise.all([1, 2, 3].map((n) => drive.submit(broken, drive.folder(`${n}`))));
    expect(results.map(codeOf)).toEqual(["unavailable", "unavailable", "unavailable"]);
  });

  describe("H9: a store that hangs", () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
    afterEach(() => void vi.useRealTimers());

    it("holds the drive up for its 35 s; a batch that comes later finds the drive moved, or is found itself", async () => {
      const drive = new MemoryDrive();
      const hung: Writes[] = [];
      const hub = drive.hub(
        boundedStore({
          load: (needs) => drive.store.load(needs),
          commit: (writes) =>
            hung.push(writes) % 2 === 1 ? new Promise<never>(() => undefined) : drive.store.commit(writes),
        }),
      );
      const [first, second] = [drive.submit(hub, drive.folder("a")), drive.submit(hub, drive.folder("b"))];
      await vi.advanceTimersByTimeAsync(34_999);
      expect(hung).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(1);
      expect(codeOf(await first)).toBe("unavailable");
      expect(codeOf(await second)).toBe("ok");
      await expect(drive.store.commit(hung[0]!)).rejects.toThrow("drive_moved");
      const third = drive.submit(hub, drive.folder("c"), "op-c");
      await vi.advanceTimersByTimeAsync(35_000);
      expect(codeOf(await third)).toBe("unavailable");
      await drive.store.commit(hung[2]!);
      expect(done(await drive.submit(hub, drive.folder("c"), "op-c"))).toMatchObject({ replayed: true });
      expect(names(drive)).toEqual(["b", "c"]);
    });

    it("is not asked once more for each command of a group", async () => {
      const drive = new MemoryDrive();
      let commits = 0;
      let loads = 0;
      const silent = new Promise<never>(() => undefined);
      const store = boundedStore({
        load: (needs) => (++loads > 2 ? silent : drive.store.load(needs)),
        commit: () => (++commits === 1 ? Promise.resolve() : Promise.reject(new Error("no"))),
      });
      const hub = drive.hub(store);
      const results = ["a", "b", "c", "d"].map((name) => drive.submit(hub, drive.folder(name)));
      await vi.advanceTimersByTimeAsync(35_000);
      expect((await Promise.all(results)).map(codeOf)).toEqual(["ok", "unavailable", "unavailable", "unavailable"]);
      expect([loads, commits]).toEqual([3, 2]);
    });
  });

  it("H6: a tenant that moves away takes no change", async () => {
    const drive = new MemoryDrive();
    drive.store.interfere((state) => (state.tenant_state = "moving"));
    expect(codeOf(await drive.submit(drive.hub(), drive.folder("a")))).toBe("unavailable");
    expect(names(drive)).toEqual([]);
  });
});

describe("two hubs that both believe they own the drive", () => {
  it("H6: cannot both commit on the same state; both their commands are done, in one order", async () => {
    const drive = new MemoryDrive();
    const hubs = [drive.hub(), drive.hub()];
    const asked = Array.from({ length: 20 }, (_, i) => drive.submit(hubs[i % 2]!, drive.folder(`${i % 5}`)));
    const results = await Promise.all(asked);
    const ok = results.filter((r) => r.ok);
    expect(names(drive)).toEqual(["0", "1", "2", "3", "4"]);
    expect(ok.length).toBe(5);
    expect(seqs(drive)).toEqual([1, 2, 3, 4, 5]);
  });

  it("H6: cannot overrun the quota by reservations, which move no sequence number", async () => {
    const drive = new MemoryDrive(100);
    const hubs = [drive.hub(), drive.hub()];
    const reserve = (i: number) => drive.upload(drive.target(`${i}`), 60);
    await Promise.all([0, 1].map((i) => drive.submit(hubs[i]!, { op: "reserve_upload", upload: reserve(i) })));
    expect(drive.store.state.drive.reserved_bytes).toBe(60);
  });
});

describe("quota", () => {
  it("is never overrun by racing reservations", async () => {
    const drive = new MemoryDrive(100);
    const hub = drive.hub();
    const uploads = Array.from({ length: 20 }, (_, i) => drive.upload(drive.target(`${i}`), 30));
    const results = await Promise.all(uploads.map((upload) => drive.submit(hub, { op: "reserve_upload", upload })));
    expect(results.filter((r) => r.ok)).toHaveLength(3);
    expect(results.filter((r) => !r.ok).every((r) => codeOf(r) === "quota_exceeded")).toBe(true);
    expect(drive.store.state.drive).toMatchObject({ used_bytes: 0, reserved_bytes: 90 });
  });

  it("a commit turns its reservation into use, and can use what is free beyond it, but no more", async () => {
    const drive = new MemoryDrive(100);
    const hub = drive.hub();
    const [small, large] = [drive.upload(drive.target("s"), 10), drive.upload(drive.target("l"), 10)];
    for (const upload of [small, large]) await drive.submit(hub, { op: "reserve_upload", upload });
    const commit = ({ upload_id, target }: typeof small, size: number) =>
      drive.submit(hub, { op: "commit_upload", upload_id, target, content: drive.content(size) });
    expect(codeOf(await commit(large, 91))).toBe("quota_exceeded");
    expect(drive.store.state.drive).toMatchObject({ used_bytes: 0, reserved_bytes: 20 });
    done(await commit(large, 90));
    done(await commit(small, 5));
    expect(drive.store.state.drive).toMatchObject({ used_bytes: 95, reserved_bytes: 0 });
  });

  it("PK10: a commit makes its upload's packs live, and takes no other's", async () => {
    const drive = new MemoryDrive(100);
    const hub = drive.hub();
    const [own, other] = [drive.upload(drive.target("own"), 10), drive.upload(drive.target("other"), 10)];
    for (const upload of [own, other]) await drive.submit(hub, { op: "reserve_upload", upload });
    const pack = { pack_id: newPackId(own.upload_id), size: 10, key_version: 1 };
    const commit = ({ upload_id, target }: typeof own) =>
      drive.submit(hub, { op: "commit_upload", upload_id, target, content: { ...drive.content(10), packs: [pack] } });
    expect(codeOf(await commit(other))).toBe("internal");
    expect(drive.store.state.packs.size).toBe(0);
    done(await commit(own));
    expect([...drive.store.state.packs.values()]).toMatchObject([{ ...pack, state: "live" }]);
    expect(drive.copied, "RP9").toEqual([pack.pack_id]);
  });

  it("U22, Q2: each content of a batch is a commit of its own; the session is open until it is closed", async () => {
    const drive = new MemoryDrive(100);
    const hub = drive.hub();
    const upload_id = drive.batch();
    const pack = { pack_id: newPackId(upload_id), size: 10, key_version: 1 };
    const put = (name: string, size: number) => {
      const content = { ...drive.content(size), packs: [pack] };
      return drive.submit(hub, { op: "commit_content", upload_id, target: drive.target(name), content }, name);
    };
    const first = await Promise.all([put("a", 60), put("A", 1), put("b", 50), put("c", 40)]);
    expect(first.map(codeOf)).toEqual(["ok", "name_taken", "quota_exceeded", "ok"]);
    expect(done(await put("a", 60)).replayed).toBe(true);
    done(await put("empty", 0));
    const close = { op: "close_upload", upload_id } as const;
    for (const _ of [1, 2]) expect(done(await drive.submit(hub, close)).upload!.state).toBe("committed");
    expect(drive.store.state.drive).toMatchObject({ used_bytes: 100, reserved_bytes: 0 });
    expect([...drive.store.state.packs.keys()]).toEqual([pack.pack_id]);
    expect(codeOf(await put("late", 0))).toBe("upload_completed");
    expect(seqs(drive)).toEqual([1, 2, 3]);
  });

  it("U22: a batch of which nothing was committed is aborted by its end; a session of a file takes no part of a batch", async () => {
    const drive = new MemoryDrive(100);
    const hub = drive.hub();
    const single = drive.upload(drive.target("x"), 10);
    await drive.submit(hub, { op: "reserve_upload", upload: single });
    const batch = drive.batch();
    const commit = (op: "commit_content" | "commit_upload", upload_id: string) =>
      drive.submit(hub, { op, upload_id, target: single.target, content: drive.content(1) });
    expect(codeOf(await commit("commit_content", single.upload_id))).toBe("internal");
    expect(codeOf(await commit("commit_upload", batch))).toBe("internal");
    const ended = await drive.submit(hub, { op: "close_upload", upload_id: batch });
    expect(done(ended).upload).toMatchObject({ state: "aborted", file_id: null });
    expect(codeOf(await drive.submit(hub, { op: "close_upload", upload_id: drive.id() }))).toBe("unknown_upload");
  });

  it("Q1: a new version needs the space that it has more than the one before", async () => {
    const drive = new MemoryDrive(100);
    const hub = drive.hub();
    const upload_id = drive.batch();
    const put = (target: UploadTarget, size: number) =>
      drive.submit(hub, { op: "commit_content", upload_id, target, content: drive.content(size) });
    const { file_id } = done(await put(drive.target("large"), 80)).file!;
    const version = { kind: "version", file_id, if_version_id: null, mime_type: null, modified_at: null } as const;
    expect(codeOf(await put(version, 101))).toBe("quota_exceeded");
    done(await put(version, 100));
    done(await put({ ...drive.target("large"), on_name_conflict: "new_version" }, 90));
    expect(drive.store.state.drive.used_bytes).toBe(90);
  });

  /** A file of bytes whose hash is not known yet. */
  async function pending(drive: MemoryDrive, hub: Hub, name: string, declared_hash: string | null = null) {
    const upload = { ...drive.upload(drive.target(name), 10), declared_hash };
    await drive.submit(hub, { op: "reserve_upload", upload });
    const { upload_id, target } = upload;
    const content = drive.content(10);
    return done(await drive.submit(hub, { op: "commit_upload", upload_id, target, content })).file!;
  }

  it("U11: known bytes make a file while their content is there as it was asked for, and need space", async () => {
    const drive = new MemoryDrive(25);
    const hub = drive.hub();
    const { content_id } = (await pending(drive, hub, "source")) as { content_id: string };
    const known = (name: string, content_hash: string) => {
      const content = { content_id, content_hash, size: 10 };
      return drive.submit(hub, { op: "create_known", content, target: drive.target(name) });
    };
    expect(codeOf(await known("copy", "now"))).toBe("base_mismatch");
    await drive.submit(hub, { op: "verify_content", content_id, content_hash: "now", integrity: "ok" });
    expect(codeOf(await known("copy", "before"))).toBe("base_mismatch");
    expect(done(await known("copy", "now")).file).toMatchObject({ content_id, content_hash: "now", integrity: "ok" });
    expect(codeOf(await known("third", "now"))).toBe("quota_exceeded");
    expect(names(drive)).toEqual(["copy", "source"]);
  });

  it("S5: a content without a hash waits for its verification, with what was declared; others do not", async () => {
    const drive = new MemoryDrive(100);
    const hub = drive.hub();
    const file = await pending(drive, hub, "chunks", "said");
    const upload = drive.upload(drive.target("whole"), 10);
    await drive.submit(hub, { op: "reserve_upload", upload });
    const { upload_id, target } = upload;
    const content = { ...drive.content(10), content_hash: "known", integrity: "ok" as const };
    await drive.submit(hub, { op: "commit_upload", upload_id, target, content });
    const rows = [...drive.store.state.verifications.values()];
    expect(rows).toMatchObject([{ content_id: file.content_id, declared_hash: "said", hashed_bytes: 0, state: null }]);
  });

  it("S7: a verification reaches every file and version of the content, old ones too, and tells of each file once where another hash was declared", async () => {
    const drive = new MemoryDrive(100);
    const hub = drive.hub();
    const first = await pending(drive, hub, "first");
    const content_id = first.content_id as string;
    const source_file_id = first.file_id;
    const copy = await drive.submit(hub, { op: "create_from", source_file_id, target: drive.target("copy") });
    const changed = await drive.submit(hub, { op: "create_from", source_file_id, target: drive.target("changed") });
    const other = await pending(drive, hub, "other");
    const { file_id } = done(changed).file!;
    const onto = { kind: "version", file_id, if_version_id: null, mime_type: null, modified_at: null } as const;
    await drive.submit(hub, { op: "create_from", source_file_id: other.file_id, target: onto });
    const { seq } = drive.store.state.drive;
    const integrity = "declared_hash_mismatch";
    const command = { op: "verify_content", content_id, content_hash: "known", integrity } as const;
    // Together with a restore of the old bytes: whichever is first, nothing stays without its hash.
    const old = [...drive.store.state.versions.values()].find((v) => v.file_id === file_id)!.version_id;
    const asked = [command, { op: "restore_version", file_id, version_id: old } as const, command];
    expect((await Promise.all(asked.map((one) => drive.submit(hub, one)))).map(codeOf)).toEqual(["ok", "ok", "ok"]);
    const { files, versions, contents, journal } = drive.store.state;
    for (const row of [...files.values(), ...versions.values(), contents.get(content_id)!])
      if ("content_id" in row && row.content_id === content_id) expect(row.content_hash).toBe("known");
    expect([...files.values()].filter((f) => f.integrity === "pending").map((f) => f.name)).toEqual(["other"]);
    const told = journal.filter((entry) => entry.op === "verified" && entry.seq > seq).map((entry) => entry.file_id);
    expect(told.toSorted()).toEqual([first.file_id, done(copy).file!.file_id].toSorted());
  });

  it("of a commit and a release at once one wins", async () => {
    const drive = new MemoryDrive(100);
    const hub = drive.hub();
    const upload = drive.upload(drive.target("x"), 10);
    await drive.submit(hub, { op: "reserve_upload", upload });
    const { upload_id, target } = upload;
    const results = await Promise.all([
      drive.submit(hub, drive.folder("alone")),
      drive.submit(hub, { op: "release_upload", upload_id }),
      drive.submit(hub, { op: "commit_upload", upload_id, target, content: drive.content(10) }),
    ]);
    expect(results.map(codeOf)).toEqual(["ok", "ok", "unknown_upload"]);
    expect(drive.store.state.drive).toMatchObject({ used_bytes: 0, reserved_bytes: 0 });
  });

  it("a version that is purged twice at once is gone once", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const put = async (target: ReturnType<typeof drive.upload>["target"]) => {
      const upload = drive.upload(target, 1);
      await drive.submit(hub, { op: "reserve_upload", upload });
      const content = drive.content(1);
      return done(await drive.submit(hub, { op: "commit_upload", upload_id: upload.upload_id, target, content })).file!;
    };
    const first = await put(drive.target("x"));
    const { file_id } = first;
    const rest = { if_version_id: null, mime_type: null, modified_at: null };
    for (const _ of [1, 2]) await put({ kind: "version", file_id, ...rest });
    const purge = { op: "purge_version", file_id, version_id: first.version_id! } as const;
    const asked = [drive.folder("alone"), purge, purge].map((command) => drive.submit(hub, command));
    expect((await Promise.all(asked)).map(codeOf)).toEqual(["ok", "ok", "not_found"]);
    expect(drive.store.state.files.get(file_id)!.version_count).toBe(2);
  });
});

describe("copies of folders", () => {
  it("copy all that lives in them, as one change in order, with new ids and no new bytes", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const folder = done(await drive.submit(hub, drive.folder("folder"))).file!.file_id;
    const inner = done(await drive.submit(hub, drive.folder("inner", folder))).file!.file_id;
    const gone = done(await drive.submit(hub, drive.folder("gone", inner))).file!.file_id;
    await drive.submit(hub, drive.folder("in gone", gone));
    await drive.submit(hub, { op: "trash", file_id: gone });
    const copy = done(
      await drive.submit(hub, { op: "copy_tree", file_id: folder, parent_id: drive.root, name: "folder" }),
    );
    expect(copy.file!.name).toBe("folder (2)");
    const below = [...drive.store.state.files.values()].filter((f) => f.parent_id === copy.file!.file_id);
    expect(below.map((f) => f.name)).toEqual(["inner"]);
    expect(below[0]!.file_id).not.toBe(inner);
    expect(seqs(drive)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("H1: have what was put there before them, also in the same moment, and by another copy", async () => {
    const drive = new MemoryDrive();
    const hub = drive.hub();
    const folder = done(await drive.submit(hub, drive.folder("folder"))).file!.file_id;
    const inner = done(await drive.submit(hub, drive.folder("inner", folder))).file!.file_id;
    const copy = (file_id: string, parent_id: string): Command => ({
      op: "copy_tree",
      file_id,
      parent_id,
      name: "copy",
    });
    const asked = [
      drive.folder("alone"),
      drive.folder("late", folder),
      { op: "update", file_id: inner, name: "renamed" } as const,
      copy(inner, folder),
      copy(folder, drive.root),
      drive.folder("too late", folder),
    ].map((command) => drive.submit(hub, command));
    const { file } = done((await Promise.all(asked))[4]!);
    const below = [...drive.store.state.files.values()].filter((f) => f.parent_id === file!.file_id);
    expect(below.map((f) => f.name).toSorted()).toEqual(["copy", "late", "renamed"]);
  });
});
