/** Conflicts, rule by rule, over the hub and a drive in memory. docs/spec/sync.md, CF2 to CF13. */
import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { MemoryDrive } from "../../test/support/memory/drive.ts";
import { FaultyStore } from "../../test/support/memory/faulty-store.ts";
import type { FileRow, PermissionRow, Vector } from "../files/model.ts";
import type { UploadTarget } from "../uploads/model.ts";
import type { Actor, Command, Outcome, Result } from "./commands.ts";
import type { Hub } from "./hub.ts";

let drive: MemoryDrive;
let store: FaultyStore;
let hub: Hub;
let A: Actor;
let B: Actor;

beforeEach(() => {
  drive = new MemoryDrive(1000);
  store = new FaultyStore(drive.store, () => "none");
  hub = drive.hub(store);
  A = { user_id: drive.root, device_id: "a", device_name: "Laptop" };
  B = { user_id: drive.root, device_id: "b", device_name: "Phone" };
});

const ask = (actor: Actor, command: Command, op_id: string = crypto.randomUUID()): Promise<Result> =>
  hub.submit({ command, actor, op_id });

async function run(actor: Actor, command: Command, op_id?: string): Promise<Outcome> {
  const result = await ask(actor, command, op_id);
  if (!result.ok) throw new Error(result.failure.code);
  return result.outcome;
}

const codeOf = (result: Result): string => (result.ok ? "ok" : result.failure.code);
const row = (file: FileRow | null): FileRow => drive.store.state.files.get(file?.file_id ?? "") as FileRow;
const textOf = (file: FileRow | null): string | null => row(file).content_hash;
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

function commit(target: UploadTarget, text: string): Command {
  const content = { ...drive.content(text.length), content_hash: hash(text), integrity: "ok" as const };
  return { op: "commit_content", upload_id: drive.batch(), target, content };
}

const rest = { mime_type: null, modified_at: null };
const edit = (file_id: string, base: Vector | undefined, text: string): Command =>
  commit({ kind: "version", file_id, if_version_id: null, base, ...rest }, text);
const put = (name: string, text: string, parent_id = drive.root): Command =>
  commit({ kind: "file", parent_id, name, on_name_conflict: "fail", base: {}, ...rest }, text);
const mkdir = (name: string, parent_id = drive.root): Command => ({
  op: "create_folder",
  parent_id,
  name,
  on_name_conflict: "fail",
  base: {},
});

const file = async (actor: Actor, name: string, text: string, parent_id?: string): Promise<FileRow> =>
  (await run(actor, put(name, text, parent_id))).file as FileRow;
const folder = async (actor: Actor, name: string, parent_id?: string): Promise<FileRow> =>
  (await run(actor, mkdir(name, parent_id))).file as FileRow;
const names = (parent_id = drive.root): string[] =>
  [...drive.store.state.files.values()]
    .filter((f) => f.parent_id === parent_id && f.trashed_at === null)
    .map((f) => f.name)
    .toSorted();
const policy = (file_id: string, conflict_policy: "keep_both" | "last_writer_wins" | null): Promise<Outcome> =>
  run(A, { op: "update", file_id, conflict_policy });

describe("edits", () => {
  it("CF1: a base that has seen the content makes a version, whatever else was changed", async () => {
    const first = await file(A, "a.txt", "1");
    await run(B, { op: "update", file_id: first.file_id, name: "b.txt", base: {} });
    const second = await run(A, edit(first.file_id, first.vector, "2"));
    expect(second).toMatchObject({
      status: "applied",
      file: { name: "b.txt", version_number: 2, vector: { a: 2, b: 1 } },
    });
    expect(second.file).toMatchObject({ content_dot: "a:2", place_dot: "b:1" });
  });

  it("CF1: what was written before there were dots counts as seen", async () => {
    const first = await file(A, "a.txt", "1");
    drive.store.interfere(({ files }) => files.set(first.file_id, { ...first, content_dot: "", place_dot: "" }));
    expect(await run(B, edit(first.file_id, {}, "2"))).toMatchObject({
      status: "applied",
      file: { version_number: 2 },
    });
  });

  it("CF3, CF11: of two edits the first keeps the name, the other is a copy that says of what", async () => {
    const { file_id, vector } = await file(A, "a.txt", "1");
    await run(A, edit(file_id, vector, "2"));
    const late = await run(B, edit(file_id, vector, "3"));
    expect(late).toMatchObject({
      status: "conflict",
      made: "copy",
      file: { file_id },
      copy: { name: "a (Phone).txt" },
    });
    expect(late.version_id).toBe(late.copy?.version_id);
    expect([textOf(late.file), textOf(late.copy)]).toEqual([hash("2"), hash("3")]);
    const entry = drive.store.state.journal.at(-1);
    expect(entry).toMatchObject({ op: "created", file_id: late.copy?.file_id, conflict_of: file_id });
    expect(drive.store.state.drive.used_bytes).toBe(2);
  });

  it("CF3: also when both come in one group", async () => {
    const { file_id, vector } = await file(A, "a.txt", "1");
    await file(A, "a (Phone).txt", "mine");
    store.calls.load = 0;
    const results = await Promise.all([
      ask(A, mkdir("first")),
      ask(A, edit(file_id, vector, "2")),
      ask(B, edit(file_id, vector, "3")),
    ]);
    expect(results.map(codeOf)).toEqual(["ok", "ok", "ok"]);
    expect(names()).toEqual(["a (Phone) (2).txt", "a (Phone).txt", "a.txt", "first"]);
    expect(drive.reported).toEqual([]);
    expect(store.calls.load, "the first command alone, then the group once, and its free names").toBe(3);
  });

  it("CF10: a conflict of a conflict has a counter", async () => {
    const { file_id, vector } = await file(A, "a.txt", "1");
    await run(A, edit(file_id, vector, "2"));
    const { copy } = await run(B, edit(file_id, vector, "3"));
    const of = copy as FileRow;
    await run(B, edit(of.file_id, of.vector, "4"));
    expect(await run(A, edit(of.file_id, of.vector, "5"))).toMatchObject({ copy: { name: "a (Phone) (2).txt" } });
    const nameless: Actor = { user_id: drive.root, device_id: "c", device_name: null };
    expect(await run(nameless, edit(file_id, vector, "6"))).toMatchObject({ copy: { name: "a (another device).txt" } });
  });

  it("CF2: the same content is stored once, and only the vector moves", async () => {
    const { file_id, vector } = await file(A, "a.txt", "1");
    await run(A, edit(file_id, vector, "2"));
    const before = drive.store.state;
    const command = edit(file_id, vector, "2");
    const late = await run(B, command);
    expect(late).toMatchObject({ status: "applied", copy: null, file: { version_number: 2, vector: { a: 2, b: 1 } } });
    const { contents, versions, drive: now, uploads } = drive.store.state;
    expect([contents.size, versions.size, now.used_bytes]).toEqual([before.contents.size, before.versions.size, 1]);
    expect(drive.store.state.journal.at(-1)).toMatchObject({ op: "merged", file_id });
    const { upload_id } = command as Extract<Command, { op: "commit_content" }>;
    expect(uploads.get(upload_id), "nothing of the session was taken").toMatchObject({ state: "open", file_id: null });
  });

  it("CF2: the session of one file whose bytes are there ends without them, and is found again", async () => {
    await file(A, "a.txt", "1");
    const target = { ...drive.target("a.txt"), base: {} };
    const upload = drive.upload(target, 1);
    await run(B, { op: "reserve_upload", upload });
    const content = { ...drive.content(1), content_hash: hash("1") };
    const command: Command = { op: "commit_upload", upload_id: upload.upload_id, target, content };
    const done = await run(B, command, "once");
    expect(drive.store.state.uploads.get(upload.upload_id)).toMatchObject({
      state: "aborted",
      file_id: done.file?.file_id,
    });
    expect(drive.store.state.drive).toMatchObject({ used_bytes: 1, reserved_bytes: 0 });
    expect(await run(B, command, "once")).toMatchObject({ status: "applied", replayed: true, file: { name: "a.txt" } });
  });

  it("CF2: a device that knew the bytes may have touched them", async () => {
    const first = await file(A, "a.txt", "1");
    const target = { kind: "version", file_id: first.file_id, if_version_id: null, mime_type: null } as const;
    await run(A, commit({ ...target, modified_at: 77, base: first.vector }, "1"));
    expect(row(first)).toMatchObject({ modified_at: 77, version_number: 1 });
    await run(B, commit({ ...target, modified_at: 5, base: {} }, "1"));
    expect(row(first).modified_at).toBe(77);
  });

  it("CF3: an edit that is refused leaves nothing: no space for the copy", async () => {
    const { file_id, vector } = await file(A, "a.txt", "x".repeat(600));
    await run(A, edit(file_id, vector, "y".repeat(600)));
    expect(codeOf(await ask(B, edit(file_id, vector, "z".repeat(600))))).toBe("quota_exceeded");
    expect(names()).toEqual(["a.txt"]);
  });

  it("a change without a base is refused as ever", async () => {
    const { file_id } = await file(A, "a.txt", "1");
    expect(codeOf(await ask(B, commit(drive.target("a.txt"), "2")))).toBe("name_taken");
    await run(A, { op: "trash", file_id });
    expect(codeOf(await ask(B, edit(file_id, undefined, "2")))).toBe("trashed");
  });
});

describe("deletes", () => {
  it("CF4: a delete that has not seen the content, or the place, is not done", async () => {
    const { file_id, vector } = await file(A, "a.txt", "1");
    const edited = await run(A, edit(file_id, vector, "2"));
    const kept = await run(B, { op: "trash", file_id, base: vector }, "kept");
    expect(kept).toMatchObject({ status: "conflict", copy: null, file: { file_id, trashed_at: null } });
    expect(drive.store.state.journal.at(-1)).toMatchObject({ op: "kept", file_id });
    const base = edited.file?.vector as Vector;
    await run(A, { op: "update", file_id, name: "b.txt", base });
    expect(await run(B, { op: "trash", file_id, base })).toMatchObject({ status: "conflict" });
    const now = row(edited.file).vector;
    expect(await run(B, { op: "trash", file_id, base: now })).toMatchObject({ status: "applied" });
    expect(await run(B, { op: "trash", file_id, base: vector }, "kept"), "CF13: as it was").toMatchObject({
      status: "conflict",
    });
  });

  it("CF4: the edit wins: the file comes back where it was, also when what was deleted had been edited", async () => {
    const where = await folder(A, "docs");
    const { file_id, vector } = await file(A, "a.txt", "1", where.file_id);
    const edited = await run(A, edit(file_id, vector, "2"));
    await run(A, { op: "trash", file_id, base: edited.file?.vector });
    const back = await run(B, edit(file_id, vector, "3"));
    expect(back).toMatchObject({
      status: "applied",
      file: { parent_id: where.file_id, trashed_at: null, version_number: 3 },
    });
    expect(drive.store.state.journal.slice(-2).map((e) => e.op)).toEqual(["untrashed", "modified"]);
  });

  it("CF4: what comes back under a name that is taken by now gets a number", async () => {
    const { file_id, vector } = await file(A, "a.txt", "1");
    await run(A, { op: "trash", file_id, base: vector });
    await file(A, "a.txt", "new");
    await file(A, "a (2).txt", "newer");
    expect(await run(B, edit(file_id, vector, "2"))).toMatchObject({ file: { file_id, name: "a (3).txt" } });
  });

  it("CF5: an edit in a deleted folder brings back the folders on the way, and nothing else", async () => {
    const outer = await folder(A, "outer");
    const inner = await folder(A, "inner", outer.file_id);
    const { file_id, vector } = await file(A, "a.txt", "1", inner.file_id);
    await file(A, "other.txt", "1", inner.file_id);
    await run(A, { op: "trash", file_id: outer.file_id });
    const back = await run(B, edit(file_id, vector, "2"));
    const made = drive.store.state.files.get(back.file?.parent_id as string) as FileRow;
    expect([made.name, made.trashed_at, made.file_id === inner.file_id]).toEqual(["inner", null, false]);
    expect(names()).toEqual(["outer"]);
    expect(names(made.file_id)).toEqual(["a.txt"]);
    const found = await run(B, put("b.txt", "2", inner.file_id));
    expect(found.file?.parent_id, "found there already").toBe(made.file_id);
    expect(names()).toEqual(["outer"]);
  });

  it("CF5: where a file has the folder's name by now, the folder gets a number", async () => {
    const lost = await folder(A, "docs");
    await run(A, { op: "trash", file_id: lost.file_id });
    await file(A, "docs", "a file");
    const { file: made } = await run(B, put("b.txt", "2", lost.file_id));
    expect(drive.store.state.files.get(made?.parent_id as string)?.name).toBe("docs (2)");
  });

  it("CF6: a folder in which another device did something since is not deleted; what lies elsewhere does not count", async () => {
    const docs = await folder(A, "docs");
    const deep = await folder(A, "deep", docs.file_id);
    const { seq: seen } = drive.store.state.drive;
    await file(B, "elsewhere.txt", "1");
    const own = await file(A, "own.txt", "1", deep.file_id);
    const base = row(docs).vector;
    const news = await file(B, "news.txt", "1", deep.file_id);
    expect(await run(A, { op: "trash", file_id: docs.file_id, base, seen })).toMatchObject({ status: "conflict" });
    await run(B, { op: "trash", file_id: news.file_id, base: news.vector });
    expect(await run(A, { op: "trash", file_id: docs.file_id, base, seen })).toMatchObject({ status: "applied" });
    expect(row(own).trashed_at).toBeNull();
  });

  it("CF6: also what another device does in the same group, moves in, or did too long ago to be looked at", async () => {
    const docs = await folder(A, "docs");
    const loose = await file(B, "loose.txt", "1");
    const { seq: seen } = drive.store.state.drive;
    const trash = (s: number): Command => ({ op: "trash", file_id: docs.file_id, base: docs.vector, seen: s });
    const [, , late] = await Promise.all([
      ask(A, mkdir("first")),
      ask(B, { op: "update", file_id: loose.file_id, parent_id: docs.file_id, base: loose.vector }),
      ask(A, trash(seen)),
    ]);
    expect(late).toMatchObject({ outcome: { status: "conflict" } });
    for (let i = 0; i < 3; i++) await Promise.all(Array.from({ length: 400 }, (_, n) => ask(B, mkdir(`${i} ${n}`))));
    await run(B, { op: "update", file_id: loose.file_id, parent_id: drive.root, base: row(loose).vector });
    expect(await run(A, trash(seen)), "1,200 changes behind").toMatchObject({ status: "conflict" });
    expect(await run(A, trash(drive.store.state.drive.seq - 500))).toMatchObject({ status: "applied" });
  });

  it("CF7: two deletes are one", async () => {
    const { file_id, vector } = await file(A, "a.txt", "1");
    const [first, second] = [
      await run(A, { op: "trash", file_id, base: vector }),
      await run(B, { op: "trash", file_id, base: vector }),
    ];
    expect([first.status, second.status]).toEqual(["applied", "applied"]);
    expect(second.file?.trashed_at).toBe(first.file?.trashed_at);
    const again = await run(B, { op: "untrash", file_id, base: {} });
    expect(await run(A, { op: "untrash", file_id, base: {} })).toMatchObject({
      status: "applied",
      file: { vector: again.file?.vector },
    });
  });
});

describe("places", () => {
  it("CF7: edit and move both apply; of two moves or names the later has the place", async () => {
    const [x, y] = [await folder(A, "x"), await folder(A, "y")];
    const { file_id, vector } = await file(A, "a.txt", "1");
    await run(A, { op: "update", file_id, parent_id: x.file_id, base: vector });
    await run(B, { op: "update", file_id, parent_id: y.file_id, name: "b.txt", base: vector });
    await run(B, edit(file_id, vector, "2"));
    expect(row({ file_id } as FileRow)).toMatchObject({ parent_id: y.file_id, name: "b.txt", version_number: 2 });
    const before = drive.store.state.drive.seq;
    const same = await run(A, { op: "update", file_id, parent_id: y.file_id, name: "b.txt", base: vector });
    expect(same.status).toBe("applied");
    expect(drive.store.state.journal.at(-1)).toMatchObject({ seq: before + 1, op: "merged" });
  });

  it("CF7: a move of what another deleted without knowing of it brings it back; one that knew is refused", async () => {
    const x = await folder(A, "x");
    const { file_id, vector } = await file(A, "a.txt", "1");
    const gone = await run(A, { op: "trash", file_id, base: vector });
    const move: Command = { op: "update", file_id, parent_id: x.file_id, base: gone.file?.vector };
    expect(codeOf(await ask(B, move))).toBe("trashed");
    expect(await run(B, { ...move, base: vector })).toMatchObject({ file: { parent_id: x.file_id, trashed_at: null } });
  });

  it("CF8: a folder of that name is the same folder; of a file's name it is a copy", async () => {
    const docs = await folder(A, "docs");
    expect(await run(B, mkdir("DOCS"))).toMatchObject({ status: "applied", file: { file_id: docs.file_id } });
    await file(A, "note", "1");
    expect(await run(B, mkdir("note"))).toMatchObject({
      status: "conflict",
      copy: { name: "note (Phone)", is_folder: true },
    });
  });

  it("CF8: a new file of a taken name: the same content is the same file, other content a copy, beside a folder too", async () => {
    const first = await file(A, "a.txt", "1");
    expect(await run(B, put("a.txt", "1"))).toMatchObject({ status: "applied", file: { file_id: first.file_id } });
    expect(await run(B, put("A.txt", "2"))).toMatchObject({
      status: "conflict",
      file: { file_id: first.file_id },
      copy: { name: "A (Phone).txt", conflict_of: first.file_id },
    });
    await folder(A, "docs");
    expect(await run(B, put("docs", "2"))).toMatchObject({ status: "conflict", copy: { name: "docs (Phone)" } });
  });

  it("CF8: a move or a name that is taken gets a number", async () => {
    const one = await file(A, "one.txt", "1");
    await file(A, "two.txt", "2");
    const moved = await run(B, { op: "update", file_id: one.file_id, name: "two.txt", base: one.vector });
    expect(moved).toMatchObject({ status: "applied", file: { name: "two (2).txt" } });
  });

  it("CF9: into a deleted folder is into a new one of its name; into itself is refused, also through the trash", async () => {
    const x = await folder(A, "x");
    const y = await folder(A, "y", x.file_id);
    const into: Command = { op: "update", file_id: x.file_id, parent_id: y.file_id, base: x.vector };
    expect(codeOf(await ask(B, into))).toBe("cannot_move_into_itself");
    await run(A, { op: "trash", file_id: x.file_id, base: x.vector, seen: drive.store.state.drive.seq });
    expect(codeOf(await ask(B, into))).toBe("cannot_move_into_itself");
    const { file_id, vector } = await file(A, "a.txt", "1");
    const moved = await run(B, { op: "update", file_id, parent_id: y.file_id, base: vector });
    const made = drive.store.state.files.get(moved.file?.parent_id as string);
    expect([made?.name, names(drive.root)]).toEqual(["y", ["x"]]);
    expect(codeOf(await ask(B, put("b", "1", drive.id())))).toBe("parent_not_found");
  });

  it("CF9: what comes back when even its folder was purged lies in the root", async () => {
    const x = await folder(A, "x");
    const { file_id, vector } = await file(A, "a.txt", "1", x.file_id);
    await run(A, { op: "trash", file_id, base: vector });
    await run(A, { op: "trash", file_id: x.file_id });
    await run(A, { op: "purge", file_id: x.file_id });
    expect(await run(B, edit(file_id, vector, "2"))).toMatchObject({ file: { parent_id: drive.root, name: "a.txt" } });
  });
});

describe("CF12: last writer wins", () => {
  it("the later edit has the name; the other is in the history and, as a copy, in the trash", async () => {
    const docs = await folder(A, "docs");
    const inner = await folder(A, "inner", docs.file_id);
    await policy(docs.file_id, "last_writer_wins");
    const { file_id, vector } = await file(A, "a.txt", "1", inner.file_id);
    await run(A, edit(file_id, vector, "22"));
    const late = await run(B, edit(file_id, vector, "333"), "late");
    expect(late).toMatchObject({ status: "conflict", made: "file", file: { file_id, version_number: 3 } });
    expect(late.copy).toMatchObject({ name: "a (another device).txt", conflict_of: file_id, trashed_at: drive.now });
    expect([textOf(late.file), textOf(late.copy)]).toEqual([hash("333"), hash("22")]);
    expect(drive.store.state.drive.used_bytes).toBe(5);
    expect(names(inner.file_id)).toEqual(["a.txt"]);
    const again = await run(B, edit(file_id, vector, "333"), "late");
    expect(again).toMatchObject({
      status: "conflict",
      made: "file",
      replayed: true,
      copy: { file_id: late.copy?.file_id },
    });
    expect(await run(B, put("a.txt", "4", inner.file_id))).toMatchObject({ file: { file_id, version_number: 4 } });
    await policy(inner.file_id, "keep_both");
    expect(await run(A, edit(file_id, vector, "5"))).toMatchObject({
      copy: { name: "a (Laptop).txt", trashed_at: null },
    });
  });

  it("is of folders only", async () => {
    const { file_id } = await file(A, "a.txt", "1");
    expect(codeOf(await ask(A, { op: "update", file_id, conflict_policy: "keep_both" }))).toBe("not_a_folder");
  });
});

describe("people with whom it is shared", () => {
  const ann: Actor = { user_id: "ann", device_id: "ann's", device_name: "Tablet" };

  async function share(file_id: string, more: Partial<PermissionRow> = {}): Promise<void> {
    const { tenant_id, drive_id } = drive.store.state.drive;
    const grantee = {
      kind: "user",
      user_id: "ann",
      email: null,
      name: null,
      token: null,
      password_hash: null,
    } as const;
    const rest = { max_downloads: null, created_by: "u", created_at: 1, expires_at: null, revoked_at: null };
    const permission: PermissionRow = {
      tenant_id,
      drive_id,
      file_id,
      permission_id: drive.id(),
      permission: "edit",
      ...grantee,
      ...rest,
      ...more,
    };
    await run(A, { op: "grant", permission });
  }

  it("CF3: may leave a copy where they may write; where they may not, theirs is the newest version", async () => {
    const docs = await folder(A, "docs");
    const { file_id, vector } = await file(A, "a.txt", "1", docs.file_id);
    await run(A, edit(file_id, vector, "2"));
    await share(file_id);
    const alone = await run(ann, edit(file_id, vector, "3"));
    expect(alone).toMatchObject({
      status: "conflict",
      made: "file",
      file: { file_id },
      copy: { trashed_at: drive.now },
    });
    expect([textOf(alone.file), textOf(alone.copy)]).toEqual([hash("3"), hash("2")]);
    await share(docs.file_id, { expires_at: drive.now - 1 });
    expect(await run(ann, edit(file_id, vector, "4"))).toMatchObject({ made: "file" });
    await share(docs.file_id, { expires_at: null });
    expect(await run(ann, edit(file_id, vector, "5"))).toMatchObject({
      made: "copy",
      copy: { name: "a (Tablet).txt" },
    });
  });

  it("CF4, CF5: bring back what lies in a folder where they may write, and nothing else", async () => {
    const outer = await folder(A, "outer");
    const inner = await folder(A, "inner", outer.file_id);
    const { file_id, vector } = await file(A, "a.txt", "1", inner.file_id);
    await share(inner.file_id);
    await run(A, { op: "trash", file_id: inner.file_id });
    expect(codeOf(await ask(ann, edit(file_id, vector, "2")))).toBe("trashed");
    expect(codeOf(await ask(ann, put("new.txt", "2", inner.file_id)))).toBe("trashed");
    // One of that name that is not theirs is none of theirs.
    await folder(A, "inner", outer.file_id);
    expect(codeOf(await ask(ann, mkdir("new", inner.file_id)))).toBe("trashed");
    expect(codeOf(await ask(ann, { op: "update", file_id, name: "b.txt", base: vector }))).toBe("trashed");
    await share(outer.file_id, { permission: "view" });
    expect(codeOf(await ask(ann, edit(file_id, vector, "2")))).toBe("trashed");
    await share(outer.file_id, { permission: "edit" });
    expect(await run(ann, edit(file_id, vector, "2"))).toMatchObject({ status: "applied", file: { trashed_at: null } });
  });
});

describe("CF13: repeats", () => {
  it("a repeat of a conflict is that conflict, with the same copy, and another request under its key is refused", async () => {
    const { file_id, vector } = await file(A, "a.txt", "1");
    await run(A, edit(file_id, vector, "2"));
    const late = await run(B, edit(file_id, vector, "3"), "late");
    const again = await run(B, edit(file_id, vector, "3"), "late");
    expect(again).toEqual({ ...late, replayed: true });
    expect(codeOf(await ask(B, edit(drive.id(), vector, "3"), "late"))).toBe("idempotency_key_reused");
    expect(codeOf(await ask(B, edit(file_id, vector, "other"), "late"))).toBe("idempotency_key_reused");
    expect(codeOf(await ask(B, mkdir("x"), "late"))).toBe("idempotency_key_reused");
    expect(names()).toEqual(["a (Phone).txt", "a.txt"]);
  });
});
