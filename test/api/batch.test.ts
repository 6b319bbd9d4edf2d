/** A device's batch with the bytes of its files, over the real bindings. docs/spec/uploads.md, U21 to U23. */
import { beforeEach, describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { newId, tenantOf } from "../../core/protocol/ids.ts";
import { type Changes, folderIdOf } from "../../core/protocol/sync.ts";
import { encodeFrames, type Frame } from "../../core/frames/index.ts";
import { apiEnv, newUser, sha256, shardOf, text, type User } from "../support/workerd/api.ts";
import {
  asBatch,
  batchOf,
  bodyOf,
  download,
  headOf,
  refused,
  sendBatch,
  sendSmall,
  small,
  statuses,
} from "../support/workerd/batch.ts";
import { noise, rawFrame } from "../support/workerd/frames.ts";

let user: User;
beforeEach(async () => {
  user = await newUser();
});

const packs = async (): Promise<number> =>
  (await apiEnv.BLOBS.list({ prefix: `${tenantOf(user.id)}/` })).objects.length;
const names = async (parent_id = "root"): Promise<string[]> =>
  (await user.ok<{ items: File[] }>("GET", `folders/${parent_id}/contents`)).items.map(({ name }) => name);
const changes = async (): Promise<Changes["changes"]> => (await user.ok<Changes>("GET", "sync/changes")).changes;
const many = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => small(`${i}.txt`, `content ${i}`)));

describe("many files in one request", () => {
  it("U21, U22, U23: each is a file of its own, all lie in one pack", async () => {
    const files = await many(30);
    const results = await sendSmall(user, files);
    expect(statuses(results)).toEqual(files.map(() => "applied"));
    for (const [i, { bytes, change }] of files.entries()) {
      const { file, version_id } = results[i]!;
      expect(file).toMatchObject({
        name: change.name,
        size: bytes.length,
        content_hash: await sha256(bytes),
        integrity: "ok",
      });
      expect(version_id).toBe(file!.version_id);
      expect(await download(user, file!.file_id)).toEqual(bytes);
    }
    expect(await packs()).toBe(1);
    expect(await user.quota()).toMatchObject({
      used_bytes: files.reduce((n, f) => n + f.bytes.length, 0),
      reserved_bytes: 0,
    });
  });

  it("U21: changes of every kind keep their order; a folder of the batch can be named by the id that it will have", async () => {
    const folder_id = await folderIdOf(user.id, user.id, "1");
    const inner_id = await folderIdOf(folder_id, user.id, "2");
    const file = await small("in it.txt", "in it", { parent_id: inner_id });
    const results = await sendBatch(
      user,
      [
        { op: "create_folder", op_id: "1", parent_id: "root", name: "folder" },
        { op: "create_folder", op_id: "2", parent_id: folder_id, name: "inner" },
        file.change,
        { op: "update", op_id: "4", file_id: folder_id, name: "renamed" },
      ],
      [file.frame],
    );
    expect(statuses(results)).toEqual(["applied", "applied", "applied", "applied"]);
    expect(results[0]!.file!.file_id).toBe(folder_id);
    expect(await names()).toEqual(["renamed"]);
    expect(await names(inner_id)).toEqual(["in it.txt"]);
  });

  it("U21: an empty file, the same bytes twice, several frames of one file in another's order", async () => {
    const [a, b] = [noise(5_000, 1), noise(6_000, 2)];
    const put = { op: "put", parent_id: "root" };
    const results = await sendBatch(
      user,
      [
        { ...put, op_id: "1", name: "empty", size: 0, frames: 0 },
        { ...put, op_id: "2", name: "ab", size: 11_000, frames: 2 },
        { ...put, op_id: "3", name: "ab again", size: 11_000, segments: [{ offset: 0, length: 11_000 }] },
        { ...put, op_id: "4", name: "b", size: 6_000, segments: [{ offset: 5_000, length: 6_000 }] },
        {
          ...put,
          op_id: "5",
          name: "ba",
          size: 11_000,
          segments: [
            { offset: 5_000, length: 6_000 },
            { offset: 0, length: 5_000 },
          ],
        },
      ],
      [await rawFrame(a), await rawFrame(b)],
    );
    const ab = Uint8Array.from([...a, ...b]);
    const wanted: [Uint8Array<ArrayBuffer>, string][] = [
      [new Uint8Array(), "ok"],
      [ab, "ok"],
      [ab, "ok"],
      [b, "ok"],
      [Uint8Array.from([...b, ...a]), "pending"],
    ];
    expect(statuses(results)).toEqual(wanted.map(() => "applied"));
    for (const [i, [bytes, integrity]] of wanted.entries()) {
      const file = results[i]!.file!;
      expect(file).toMatchObject({ integrity, content_hash: integrity === "ok" ? await sha256(bytes) : null });
      expect(await download(user, file.file_id)).toEqual(bytes);
    }
    expect(await packs()).toBe(1);
  });

  it("U21: the form without frames makes empty files, and no pack", async () => {
    const json = {
      device_id: user.signedIn.device_id,
      changes: [{ op: "put", op_id: "1", parent_id: "root", name: "empty", size: 0 }],
    };
    const { results } = await user.ok<{ results: { file: File }[] }>("POST", "sync/delta", { json });
    expect(results[0]!.file.size).toBe(0);
    expect(await packs()).toBe(0);
    const full = { ...json, changes: [{ ...json.changes[0], op_id: "2", size: 1, frames: 1 }] };
    await refused(user, 400, "invalid_request", { json: full });
  });

  it("U21: a body that does not say how long it is", async () => {
    const files = await many(3);
    const body = batchOf(
      user,
      files.map((f) => f.change),
      files.map((f) => f.frame),
    );
    const stream = new Blob([body.body as Uint8Array<ArrayBuffer>]).stream();
    const { results } = await user.ok<{ results: Awaited<ReturnType<typeof sendSmall>> }>("POST", "sync/delta", {
      ...body,
      body: stream,
    });
    expect(statuses(results)).toEqual(files.map(() => "applied"));
  });
});

describe("U22: a batch that is sent again", () => {
  it("finds what was done, and stores nothing", async () => {
    const files = await many(5);
    const first = await sendSmall(user, files);
    const before = await changes();
    expect(await sendSmall(user, files)).toEqual(first);
    expect(await changes()).toEqual(before);
    expect(await packs()).toBe(1);
    expect((await user.quota()).reserved_bytes).toBe(0);
  });

  it("does only the rest when it was done in part; what was done is told with its own version, not the newest", async () => {
    const files = await many(5);
    const [old] = await sendSmall(user, files.slice(0, 2));
    const newer = await small("0.txt", "newer", { op_id: "newer" });
    await sendSmall(user, [
      { ...newer, change: { ...newer.change, parent_id: undefined, name: undefined, file_id: old!.file!.file_id } },
    ]);
    const again = await sendSmall(user, files);
    expect(statuses(again)).toEqual(files.map(() => "applied"));
    expect(again[0]!.version_id).toBe(old!.version_id);
    expect(again[0]!.file!.version_id).not.toBe(old!.version_id);
    expect(await names()).toHaveLength(5);
    expect(await download(user, again[4]!.file!.file_id)).toEqual(files[4]!.bytes);
    expect(await packs()).toBe(3);
  });

  it("at the same time is done once, and leaves one pack", async () => {
    const files = await many(4);
    const all = await Promise.all([sendSmall(user, files), sendSmall(user, files), sendSmall(user, files)]);
    const ids = all.map((results) => results.map((r) => r.file?.file_id));
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual(ids[0]);
    expect(await changes()).toHaveLength(4);
    expect(await packs()).toBe(1);
    expect((await user.quota()).reserved_bytes).toBe(0);
  });

  it("under an op_id that meant something else is refused alone, also within one batch", async () => {
    const [a, b] = [await small("a", "a"), await small("b", "b")];
    await sendSmall(user, [a]);
    const other = await small("d", "d", { op_id: a.change.op_id });
    const twice = { ...b, frame: await rawFrame(text("c")), change: { ...b.change, name: "c" } };
    expect(statuses(await sendSmall(user, [other, b, twice]))).toEqual([
      "idempotency_key_reused",
      "applied",
      "idempotency_key_reused",
    ]);
  });
});

describe("one bad change fails alone", () => {
  it("U22: whatever is wrong with it; its frames are read over, and the others have theirs", async () => {
    const other = await newUser();
    const theirs = await other.folder("theirs");
    const mine = await user.file("mine.txt", "mine");
    const good = await many(2);
    const nowhere = newId(tenantOf(user.id), Date.now());
    const bad: [code: string, fields: Record<string, unknown>][] = [
      ["not_found", { parent_id: nowhere }],
      ["not_found", { parent_id: theirs.file_id }],
      ["not_a_folder", { parent_id: mine.file_id }],
      ["name_taken", { name: "MINE.txt" }],
      ["name_invalid", { name: "a/b" }],
      ["size_mismatch", { size: 1 }],
      ["size_mismatch", { size: 100_000 }],
      ["precondition_failed", { parent_id: undefined, name: undefined, file_id: mine.file_id, if_version_id: nowhere }],
      ["not_a_file", { parent_id: undefined, name: undefined, file_id: user.id }],
      ["base_mismatch", { base_file_id: mine.file_id, base_version_id: nowhere }],
      ["base_mismatch", { base_file_id: theirs.file_id, base_version_id: nowhere }],
      ["size_mismatch", { segments: [{ offset: 0, length: 3 }] }],
      ["invalid_request", { size: 5, segments: [{ offset: 1, length: 5 }] }],
      ["invalid_request", { size: 5, segments: [{ offset: 1_000_000, length: 5 }] }],
      [
        "base_mismatch",
        { size: 5, segments: [{ file_id: theirs.file_id, version_id: nowhere, offset: 0, length: 5 }] },
      ],
    ];
    const files = await Promise.all(
      bad.map(async ([, fields], i) => {
        const { change, frame, bytes } = await small(`bad ${i}`, `bytes of bad ${i}`);
        return { change: { ...change, ...fields }, frame, bytes };
      }),
    );
    const results = await sendSmall(user, [good[0]!, ...files, good[1]!]);
    expect(statuses(results)).toEqual(["applied", ...bad.map(([code]) => code), "applied"]);
    expect(await names()).toEqual(["0.txt", "1.txt", "mine.txt"]);
    for (const at of [0, -1]) expect(await download(user, results.at(at)!.file!.file_id)).toEqual(good.at(at)!.bytes);
    expect((await user.quota()).reserved_bytes).toBe(0);
  });

  it("U22: bytes that came with a refused change are there for no other", async () => {
    const bad = await small("a/b", "five!");
    const results = await sendBatch(
      user,
      [
        bad.change,
        { op: "put", op_id: "2", parent_id: "root", name: "other", size: 5, segments: [{ offset: 0, length: 5 }] },
      ],
      [bad.frame],
    );
    expect(statuses(results)).toEqual(["name_invalid", "invalid_request"]);
    expect(await packs()).toBe(0);
  });

  it("U22: when all are refused nothing stays", async () => {
    await user.file("0.txt", "there before");
    const results = await sendSmall(user, [await small("0.txt", "other")]);
    expect(statuses(results)).toEqual(["name_taken"]);
    expect(await packs()).toBe(1);
    expect((await user.quota()).reserved_bytes).toBe(0);
  });

  it("U21: files of a batch go into one drive", async () => {
    const owner = await newUser();
    const shared = await owner.folder("shared");
    await owner.ok("POST", `files/${shared.file_id}/share`, {
      json: { email: user.signedIn.user.email, permission: "edit" },
    });
    const [a, b] = [await small("a", "a", { parent_id: shared.file_id }), await small("b", "b")];
    expect(statuses(await sendSmall(user, [a, b]))).toEqual(["applied", "invalid_request"]);
    expect(statuses(await sendSmall(user, [b]))).toEqual(["applied"]);
  });

  it("U22, Q3: what does not fit into the drive is refused, what does is not", async () => {
    const shard = await shardOf(user.id);
    await shard.prepare("update drives set limit_bytes = 100 where drive_id = ?1").bind(user.id).run();
    const files = await Promise.all([60, 50, 30, 20, 10].map((size, i) => small(`${i}`, `${i}`.repeat(size))));
    expect(statuses(await sendSmall(user, files))).toEqual([
      "applied",
      "quota_exceeded",
      "applied",
      "quota_exceeded",
      "applied",
    ]);
    expect(await user.quota()).toMatchObject({ used_bytes: 100, reserved_bytes: 0 });
  });
});

describe("U22: a body that is bad fails as a whole, and nothing was done", () => {
  const damaged = async (edit: (frames: Frame[]) => Frame[]) => {
    const files = await many(3);
    const changes = [
      { op: "create_folder", op_id: "folder", parent_id: "root", name: "folder" },
      ...files.map((f) => f.change),
    ];
    return { changes, files, ask: batchOf(user, changes, edit(files.map((f) => f.frame))) };
  };

  it("frames: too few, too many, of other bytes, repeated", async () => {
    const more = await rawFrame(text("more"));
    await refused(user, 400, "invalid_request", (await damaged((frames) => frames.slice(0, 2))).ask);
    await refused(user, 400, "invalid_request", (await damaged((frames) => [...frames, more])).ask);
    await refused(user, 400, "invalid_request", (await damaged((f) => [f[0]!, f[1]!, f[1]!])).ask);
    const wrong = (await damaged(([a, b, c]) => [a!, b!, { ...c!, payload: text("content X") }])).ask;
    await refused(user, 422, "hash_mismatch", wrong);
    expect(await packs()).toBe(0);
  });

  it("cut off or altered at any byte of its frames", { timeout: 60_000 }, async () => {
    const { ask } = await damaged((frames) => frames);
    const body = ask.body as Uint8Array<ArrayBuffer>;
    const frames = 4 + new DataView(body.buffer).getUint32(0);
    for (let end = frames; end < body.length; end += 17)
      await refused(user, 400, "invalid_request", asBatch(body.slice(0, end)));
    await refused(user, 400, "invalid_request", asBatch(Uint8Array.from([...body, 0])));
    for (let at = frames; at < body.length; at += 13) {
      const bad = body.slice();
      bad[at]! ^= 0x41;
      const answer = await user.ask("POST", "sync/delta", asBatch(bad));
      expect(answer.status, `byte ${at}`).toBeGreaterThanOrEqual(400);
      expect(answer.status, `byte ${at}`).toBeLessThan(500);
    }
    expect(await changes()).toEqual([]);
    expect(await packs()).toBe(0);
    expect(await user.quota()).toMatchObject({ used_bytes: 0, reserved_bytes: 0 });
  });

  it("a head that is cut off, is no JSON, lies about its length or is too long", async () => {
    const frames = encodeFrames([]);
    const head = headOf(user, [{ op: "put", op_id: "1", parent_id: "root", name: "a", size: 0 }]);
    const bodies: [number, "invalid_request" | "payload_too_large", Uint8Array<ArrayBuffer>][] = [
      [400, "invalid_request", new Uint8Array()],
      [400, "invalid_request", new Uint8Array(3)],
      [400, "invalid_request", bodyOf(head, new Uint8Array(), head.length + 1)],
      [400, "invalid_request", bodyOf(head, frames, head.length - 1)],
      [400, "invalid_request", bodyOf(head, frames, head.length + 2)],
      [400, "invalid_request", bodyOf(text("null"), frames)],
      [400, "invalid_request", bodyOf(text("{"), frames)],
      [400, "invalid_request", bodyOf(Uint8Array.of(0x22, 0xff, 0x22), frames)],
      [400, "invalid_request", bodyOf(head, new Uint8Array())],
      [413, "payload_too_large", bodyOf(head, frames, 4 * 1024 * 1024 + 1)],
      [413, "payload_too_large", bodyOf(head, frames, 0xffffffff)],
    ];
    for (const [status, code, body] of bodies) await refused(user, status, code, asBatch(body));
    const declared = asBatch(bodyOf(head, frames), { "content-length": String(200 * 1024 * 1024) });
    await refused(user, 413, "payload_too_large", declared);
  });

  it("changes that are none: too many, of another device, without a place, with a base of nothing", async () => {
    const put = { op: "put", op_id: "1", parent_id: "root", name: "a", size: 0 };
    const some = newId(tenantOf(user.id), Date.now());
    const bad: unknown[][] = [
      [],
      Array.from({ length: 1001 }, (_, i) => ({ ...put, op_id: `${i}` })),
      [{ ...put, parent_id: undefined }],
      [{ ...put, file_id: some }],
      [{ ...put, base_version_id: some }],
      [{ ...put, base_file_id: some }],
      [{ ...put, size: -1 }],
      [{ ...put, size: 1, segments: [{ offset: 0, length: 0 }] }],
      [{ ...put, size: 1, segments: [{ offset: 0, length: 1, version_id: some }] }],
      [{ ...put, size: 1, segments: [{ offset: 0, length: 1, file_id: some }] }],
      [{ ...put, frames: 20_000 }],
      [{ ...put, op: "purge" }],
    ];
    for (const list of bad) await refused(user, 400, "invalid_request", batchOf(user, list, []));
    const device = { device_id: newId(tenantOf(user.id), 1), changes: [put] };
    await refused(user, 403, "forbidden", asBatch(bodyOf(text(JSON.stringify(device)), encodeFrames([]))));
  });

  it("frames that stand for more than the files have", async () => {
    const frames = [await rawFrame(noise(9_000, 1))];
    const put = {
      op: "put",
      op_id: "1",
      parent_id: "root",
      name: "a",
      size: 5,
      frames: 1,
      segments: [{ offset: 0, length: 5 }],
    };
    await refused(user, 422, "size_mismatch", batchOf(user, [put], frames));
  });
});
