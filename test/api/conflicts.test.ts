/** Conflicts over HTTP, between two devices of one person: docs/spec/sync.md, CF1 to CF13. */
import { beforeEach, describe, expect, it } from "vitest";
import type { SignedIn } from "../../core/protocol/auth.ts";
import type { File } from "../../core/protocol/files.ts";
import type { Changes, DeltaAnswer } from "../../core/protocol/sync.ts";
import { Api, newUser, PASSWORD, text, User } from "../support/workerd/api.ts";
import { type Change, download, sendBatch, sendSmall, small } from "../support/workerd/batch.ts";

type Result = DeltaAnswer["results"][number];

let laptop: User;
let phone: User;
let serial = 0;

beforeEach(async () => {
  const user = await newUser();
  const { email } = user.signedIn.user;
  const device = async (device_name: string): Promise<User> =>
    new User(await new Api().ok<SignedIn>("POST", "auth/login", { json: { email, password: PASSWORD, device_name } }));
  [laptop, phone] = [await device("Laptop"), await device("Ann’s Phone")];
});

const op_id = (): string => `op ${serial++}`;

async function change(device: User, asked: Omit<Change, "op_id"> & { op: string }): Promise<Result> {
  const json = { device_id: device.signedIn.device_id, changes: [{ op_id: op_id(), ...asked }] };
  const { results } = await device.ok<DeltaAnswer>("POST", "sync/delta", { json });
  return results[0] as Result;
}

async function put(device: User, content: string, more: Record<string, unknown>, op = op_id()): Promise<Result> {
  const one = await small("unnamed", content, { op_id: op });
  const { name: _, parent_id: __, ...rest } = one.change;
  const [result] = await sendBatch(device, [{ ...rest, ...more }], [one.frame]);
  return result as Result;
}

const make = async (device: User, name: string, content: string, parent_id = "root"): Promise<File> => {
  const { status, file } = await put(device, content, { name, parent_id, base: {} });
  expect(status).toBe("applied");
  return file as File;
};
const edit = (device: User, file: File, content: string): Promise<Result> =>
  put(device, content, { file_id: file.file_id, base: file.vector });
const mkdir = async (device: User, name: string, parent_id = "root"): Promise<File> =>
  (await change(device, { op: "create_folder", name, parent_id, base: {} })).file as File;
const look = (device: User, { file_id }: Pick<File, "file_id">): Promise<File> => device.ok("GET", `files/${file_id}`);
const read = async ({ file_id }: Pick<File, "file_id">): Promise<string> =>
  new TextDecoder().decode(await download(laptop, file_id));
const names = async (folder = "root"): Promise<string[]> =>
  (await laptop.ok<{ items: File[] }>("GET", `folders/${folder}/contents`)).items.map((file) => file.name);
const journal = async (device: User): Promise<Changes> => device.ok("GET", "sync/changes");
const seqOf = async (device: User): Promise<number> => (await journal(device)).changes.at(-1)?.seq ?? 0;

describe("edit / edit", () => {
  it("CF3, CF11: the first keeps the name; the other is a file beside it that all are told of", async () => {
    const file = await make(laptop, "notes.txt", "one");
    await edit(laptop, file, "two");
    const { status, file: kept, copy, version_id } = await edit(phone, file, "three");
    expect([status, kept?.file_id, kept?.version_number]).toEqual(["conflict", file.file_id, 2]);
    expect(copy).toMatchObject({
      name: "notes (Ann’s Phone).txt",
      conflict_of: file.file_id,
      parent_id: file.parent_id,
      version_id,
    });
    expect([await read(file), await read(copy as File)]).toEqual(["two", "three"]);
    const told = (await journal(laptop)).changes.find(({ file_id }) => file_id === copy?.file_id);
    expect(told).toMatchObject({ op: "created", conflict_of: file.file_id, file: { conflict_of: file.file_id } });
    expect(await edit(laptop, copy as File, "four")).toMatchObject({ status: "applied" });
    expect(await edit(phone, copy as File, "five")).toMatchObject({ copy: { name: "notes (Ann’s Phone) (2).txt" } });
  });

  it("CF3: of every door: one request, a session, a new version", async () => {
    const file = await make(laptop, "notes.txt", "one");
    await edit(laptop, file, "two");
    const query = new URLSearchParams({ base: JSON.stringify(file.vector) });
    const version = await phone.ok<File>("PUT", `files/${file.file_id}?${query}`, { body: text("three") });
    expect(version).toMatchObject({ name: "notes (Ann’s Phone).txt", conflict_of: file.file_id });
    const upload = new URLSearchParams({ name: "notes.txt", base: "{}" });
    const whole = await phone.ok<File>("POST", `files/upload?${upload}`, { body: text("four") });
    expect(whole).toMatchObject({ name: "notes (Ann’s Phone) (2).txt", conflict_of: file.file_id });
    const json = { file_id: file.file_id, base: file.vector };
    const { upload_id } = await phone.start("notes.txt", 4, json);
    const chunk_id = await phone.chunk(upload_id, 0, text("five"));
    const done = await phone.ok<File>("POST", `uploads/${upload_id}/complete`, { json: { chunks: [chunk_id] } });
    expect(done).toMatchObject({ name: "notes (Ann’s Phone) (3).txt", conflict_of: file.file_id });
    expect(await read(done)).toBe("five");
    expect(await read(file)).toBe("two");
  });

  it("CF1: a base is a vector, whatever door it comes by", async () => {
    for (const base of ["no", "[1]", '{"a":-1}', '{"a":"b"}'])
      expect(
        (await phone.ask("POST", `files/upload?${new URLSearchParams({ name: "a", base })}`, { body: text("a") })).json,
      ).toMatchObject({
        code: "invalid_request",
      });
    expect(await names()).toEqual([]);
  });

  it("CF2: the same content is stored once; of a session and of one request as well", async () => {
    const file = await make(laptop, "notes.txt", "one");
    await edit(laptop, file, "two");
    expect(await edit(phone, file, "two")).toMatchObject({
      status: "applied",
      copy: null,
      file: { version_number: 2 },
    });
    const query = new URLSearchParams({ base: "{}" });
    const same = await phone.ok<File>("PUT", `files/${file.file_id}?${query}`, { body: text("two") });
    expect(same).toMatchObject({ file_id: file.file_id, version_number: 2 });
    const { upload_id } = await phone.start("notes.txt", 3, { file_id: file.file_id, base: {} });
    const chunk_id = await phone.chunk(upload_id, 0, text("two"));
    const headers = { "idempotency-key": "same" };
    const complete = (): Promise<File> =>
      phone.ok<File>("POST", `uploads/${upload_id}/complete`, { json: { chunks: [chunk_id] }, headers });
    expect(await complete()).toMatchObject({ file_id: file.file_id, version_number: 2 });
    expect(await complete(), "U7").toMatchObject({ file_id: file.file_id });
    expect(await read(file)).toBe("two");
    expect(await names()).toEqual(["notes.txt"]);
  });

  it("CF10: the device's name is that of its last sign-in, also after the token was renewed; one without is another", async () => {
    const file = await make(laptop, "notes.txt", "one");
    await edit(laptop, file, "two");
    const json = { refresh_token: phone.signedIn.refresh_token };
    const renewed = new User(await phone.ok<SignedIn>("POST", "auth/refresh", { json }));
    expect(await edit(renewed, file, "three")).toMatchObject({ copy: { name: "notes (Ann’s Phone).txt" } });
    const { email } = laptop.signedIn.user;
    const nameless = await new Api().ok<SignedIn>("POST", "auth/login", { json: { email, password: PASSWORD } });
    expect(await edit(new User(nameless), file, "four")).toMatchObject({
      copy: { name: "notes (another device).txt" },
    });
  });

  it("CF13: a batch that is sent again is answered as it was, a conflict with its copy", async () => {
    const file = await make(laptop, "notes.txt", "one");
    await edit(laptop, file, "two");
    const files = await Promise.all(["three", "four"].map((content, i) => small(`new ${i}`, content, { base: {} })));
    const late = await small("late", "five", {});
    const { name: _, parent_id: __, ...rest } = late.change;
    const all = [...files, { ...late, change: { ...rest, file_id: file.file_id, base: file.vector } }];
    const first = await sendSmall(phone, all);
    expect(first.map(({ status }) => status)).toEqual(["applied", "applied", "conflict"]);
    const again = await sendSmall(phone, all);
    expect(again).toEqual(first);
    expect(await names()).toEqual(["new 0", "new 1", "notes (Ann’s Phone).txt", "notes.txt"]);
  });

  it("a change without a base is a request of the moment, and the web's edit is no less an edit", async () => {
    const file = await make(laptop, "notes.txt", "one");
    const { vector } = await laptop.ok<File>("PUT", `files/${file.file_id}`, { body: text("web") });
    expect(vector).not.toEqual(file.vector);
    expect(await edit(phone, file, "three")).toMatchObject({ status: "conflict" });
    expect(await put(phone, "x", { name: "notes.txt", parent_id: "root" })).toMatchObject({ code: "name_taken" });
  });
});

describe("deletes", () => {
  it("CF4: edit / delete: the edit wins, whichever came first", async () => {
    const file = await make(laptop, "a.txt", "one");
    const edited = await edit(laptop, file, "two");
    const kept = await change(phone, { op: "trash", file_id: file.file_id, base: file.vector });
    expect(kept).toMatchObject({ status: "conflict", copy: null, code: null, file: { trashed_at: null } });
    const base = (edited.file as File).vector;
    expect(await change(phone, { op: "trash", file_id: file.file_id, base })).toMatchObject({ status: "applied" });
    expect(await edit(laptop, edited.file as File, "three")).toMatchObject({
      status: "applied",
      file: { trashed_at: null },
    });
    expect(await read(file)).toBe("three");
    expect(await names()).toEqual(["a.txt"]);
  });

  it("CF5, CF6: folder deleted / child edited: the child and its folders come back, and the delete that comes later is not done", async () => {
    const docs = await mkdir(laptop, "docs");
    const deep = await mkdir(laptop, "deep", docs.file_id);
    const file = await make(laptop, "a.txt", "one", deep.file_id);
    await make(laptop, "b.txt", "other", deep.file_id);
    const seen = await seqOf(phone);
    const trash = { op: "trash", file_id: docs.file_id, base: docs.vector, seen };
    await make(laptop, "new.txt", "new", deep.file_id);
    expect(await change(phone, trash)).toMatchObject({ status: "conflict", file: { file_id: docs.file_id } });
    expect(await change(phone, { ...trash, seen: await seqOf(phone) })).toMatchObject({ status: "applied" });
    const back = await edit(laptop, file, "two");
    expect(back.status).toBe("applied");
    expect(await names()).toEqual(["docs"]);
    const parent = await look(laptop, { file_id: (back.file as File).parent_id as string });
    expect([parent.name, parent.file_id === deep.file_id]).toEqual(["deep", false]);
    expect(await names(parent.file_id)).toEqual(["a.txt"]);
  });

  it("CF7: delete / delete is one delete", async () => {
    const file = await make(laptop, "a.txt", "one");
    const trash = { op: "trash", file_id: file.file_id, base: file.vector };
    expect([(await change(laptop, trash)).status, (await change(phone, trash)).status]).toEqual(["applied", "applied"]);
  });
});

describe("places", () => {
  it("CF7: edit / move both apply; move / move and rename / rename: the later one has it", async () => {
    const [x, y] = [await mkdir(laptop, "x"), await mkdir(laptop, "y")];
    const file = await make(laptop, "a.txt", "one");
    const { file_id, vector: base } = file;
    await change(laptop, { op: "update", file_id, parent_id: x.file_id, base });
    expect(await edit(phone, file, "two")).toMatchObject({ status: "applied", file: { parent_id: x.file_id } });
    await change(phone, { op: "update", file_id, parent_id: y.file_id, base });
    await change(laptop, { op: "update", file_id, name: "b.txt", base });
    await change(phone, { op: "update", file_id, name: "c.txt", base });
    expect(await look(laptop, file)).toMatchObject({ parent_id: y.file_id, name: "c.txt", version_number: 2 });
  });

  it("CF8: a name that is taken", async () => {
    const docs = await mkdir(laptop, "docs");
    expect(await mkdir(phone, "DOCS")).toMatchObject({ file_id: docs.file_id });
    await make(laptop, "a.txt", "one");
    expect(await put(phone, "two", { name: "a.txt", parent_id: "root", base: {} })).toMatchObject({
      status: "conflict",
    });
    const b = await make(phone, "b.txt", "b");
    const moved = await change(phone, { op: "update", file_id: b.file_id, name: "a.txt", base: b.vector });
    expect(moved).toMatchObject({ status: "applied", file: { name: "a (2).txt" } });
    expect(await names()).toEqual(["a (2).txt", "a (Ann’s Phone).txt", "a.txt", "docs"]);
  });

  it("CF9: a place that is gone, and into its own subtree", async () => {
    const x = await mkdir(laptop, "x");
    const inner = await mkdir(laptop, "inner", x.file_id);
    const into = { op: "update", file_id: x.file_id, parent_id: inner.file_id, base: x.vector };
    expect(await change(phone, into)).toMatchObject({ status: "rejected", code: "cannot_move_into_itself" });
    await change(laptop, { op: "trash", file_id: x.file_id, base: x.vector, seen: await seqOf(laptop) });
    const file = await make(phone, "late.txt", "late", inner.file_id);
    expect(await look(laptop, { file_id: file.parent_id as string })).toMatchObject({
      name: "inner",
      trashed_at: null,
    });
    expect(await names()).toEqual(["x"]);
  });
});

describe("last writer wins", () => {
  it("CF12: the later edit has the name, the other is in the history and in the trash, and who sent it is told", async () => {
    const docs = await mkdir(laptop, "docs");
    const set = { json: { conflict_policy: "last_writer_wins" } };
    expect(await laptop.ok<File>("PATCH", `files/${docs.file_id}`, set)).toMatchObject({
      conflict_policy: "last_writer_wins",
    });
    const file = await make(laptop, "a.txt", "one", docs.file_id);
    await edit(laptop, file, "two");
    const late = await edit(phone, file, "three");
    expect(late).toMatchObject({ status: "conflict", file: { file_id: file.file_id, version_number: 3 } });
    expect(late.copy).toMatchObject({ name: "a (another device).txt", conflict_of: file.file_id });
    expect(await read(file)).toBe("three");
    const trash = await laptop.ok<{ items: File[] }>("GET", "trash");
    expect(trash.items.map((item) => item.file_id)).toEqual([late.copy?.file_id]);
    expect(await names(docs.file_id)).toEqual(["a.txt"]);
    const back = await laptop.ok<File>("POST", `files/${late.copy?.file_id}/untrash`);
    expect(await read(back)).toBe("two");
    const whole = new URLSearchParams({ base: JSON.stringify(file.vector) });
    const door = await phone.ok<File>("PUT", `files/${file.file_id}?${whole}`, { body: text("four") });
    expect(door).toMatchObject({ file_id: file.file_id, version_number: 4 });
    expect((await laptop.ask("PATCH", `files/${file.file_id}`, set)).json).toMatchObject({ code: "not_a_folder" });
  });
});

describe("others", () => {
  it("CF4: what its owner deleted does not come back for others, unless the folder that it lay in is shared", async () => {
    const other = await newUser();
    const shared = await mkdir(laptop, "shared");
    const inner = await mkdir(laptop, "inner", shared.file_id);
    const file = await make(laptop, "a.txt", "one", inner.file_id);
    const json = { email: other.signedIn.user.email, permission: "edit" };
    await laptop.ok("POST", `files/${shared.file_id}/share`, { json });
    await laptop.ok("DELETE", `files/${inner.file_id}`);
    expect(await edit(other, file, "theirs")).toMatchObject({ status: "applied", file: { trashed_at: null } });
    const back = await look(laptop, file);
    await laptop.ok("DELETE", `files/${shared.file_id}`);
    expect(await edit(other, back, "again")).toMatchObject({ status: "rejected", code: "trashed" });
    const query = new URLSearchParams({ base: "{}" });
    const door = await other.ask("PUT", `files/${file.file_id}?${query}`, { body: text("again") });
    expect(door.json).toMatchObject({ code: "trashed" });
  });
});
