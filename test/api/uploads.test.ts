/** docs/spec/uploads.md, as far as it is no refusal: those are in bad-input/uploads.test.ts. */
import { beforeAll, describe, expect, it } from "vitest";
import type { File, UploadedFile } from "../../core/protocol/files.ts";
import type { UploadSession, UploadState } from "../../core/protocol/uploads.ts";
import {
  type Answer,
  apiEnv,
  everything,
  expectProblem,
  newUser,
  sha256,
  shardOf,
  text,
  type User,
} from "../support/workerd/api.ts";
import { MiB } from "../support/workerd/refusals.ts";

let user: User;
beforeAll(async () => {
  user = await newUser();
});

const part = (fill: number): Uint8Array<ArrayBuffer> => new Uint8Array(8 * MiB).fill(fill);
const state = (upload_id: string): Promise<UploadState> => user.ok<UploadState>("GET", `uploads/${upload_id}`);
const complete = (upload_id: string, chunks: string[], key?: string): Promise<Answer> =>
  user.ask("POST", `uploads/${upload_id}/complete`, {
    json: { chunks },
    headers: key === undefined ? {} : { "idempotency-key": key },
  });
const hashOf = async (file_id: unknown): Promise<string> =>
  sha256((await user.ask("GET", `files/${String(file_id)}/download`)).bytes);
const objects = async (): Promise<number> => (await apiEnv.BLOBS.list()).objects.length;

describe("sessions", () => {
  it("U4: chunks in any order and at once; one that was received is received again", async () => {
    const bodies = [part(1), part(2), text("the end")];
    const { upload_id } = await user.start("any order.bin", 16 * MiB + 7);
    const ids = await Promise.all([2, 0, 1].map((i) => user.chunk(upload_id, i, bodies[i]!)));
    await user.chunk(upload_id, 0, bodies[0]!);
    const { received_bytes, chunks } = await state(upload_id);
    expect(received_bytes).toBe(16 * MiB + 7);
    expect(chunks.map((c) => c.index)).toEqual([0, 1, 2]);
    const { status, json } = await complete(upload_id, [ids[1]!, ids[2]!, ids[0]!]);
    expect(status).toBe(201);
    expect(await hashOf(json.file_id)).toBe(await sha256(new Uint8Array(await new Blob(bodies).arrayBuffer())));
  });

  it("U6: the order of the completion is the file's, whatever the indices were; a chunk may come twice", async () => {
    const { upload_id } = await user.start("order.bin", 24 * MiB);
    const [a, b, c] = [part(1), part(2), part(3)];
    const ids = [
      await user.chunk(upload_id, 0, a),
      await user.chunk(upload_id, 1, b),
      await user.chunk(upload_id, 2, c),
    ];
    const { json } = await complete(upload_id, [ids[2]!, ids[0]!, ids[2]!]);
    expect(await hashOf(json.file_id)).toBe(await sha256(new Uint8Array(await new Blob([c, a, c]).arrayBuffer())));
  });

  it("U3: a wrong chunk does not spoil the right one that follows, nor the ones that were there", async () => {
    const { upload_id } = await user.start("spoiled.bin", 8 * MiB + 1);
    const last = await user.chunk(upload_id, 1, text("!"));
    const first = await sha256(part(5));
    const path = `chunks/${first}?upload_id=${upload_id}&index=0`;
    expectProblem(await user.ask("PUT", path, { body: part(6) }), 422, "hash_mismatch");
    expectProblem(await complete(upload_id, [first, last]), 409, "missing_chunks");
    await user.ok("PUT", path, { body: part(5) });
    const { json } = await complete(upload_id, [first, last]);
    expect(await hashOf(json.file_id)).toBe(await sha256(new Uint8Array([...part(5), 33])));
  });

  it("U4: two senders of the same chunk at once do no harm", async () => {
    const { upload_id } = await user.start("twice.bin", 8 * MiB + 1);
    const last = await user.chunk(upload_id, 1, text("!"));
    const first = await sha256(part(9));
    const put = () => user.ask("PUT", `chunks/${first}?upload_id=${upload_id}&index=0`, { body: part(9) });
    expect((await Promise.all([put(), put(), put()])).map((a) => a.status)).toEqual([200, 200, 200]);
    const made = await complete(upload_id, [first, last]);
    expect(made.status).toBe(201);
    expect(await hashOf(made.json.file_id)).toBe(await sha256(new Uint8Array([...part(9), 33])));
  });

  it("U7: completions at once make one file", async () => {
    const { upload_id } = await user.start("once.bin", 4);
    const id = await user.chunk(upload_id, 0, text("once"));
    const answers = await Promise.all([1, 2, 3, 4].map(() => complete(upload_id, [id], "complete-once")));
    expect(answers.map((a) => a.status)).toEqual([201, 201, 201, 201]);
    expect(new Set(answers.map((a) => a.json.file_id)).size).toBe(1);
    const { items } = await user.ok<{ items: File[] }>("GET", "folders/root/contents");
    expect(items.filter((f) => f.name.startsWith("once"))).toHaveLength(1);
  });

  it("U7: completions at once without a key: one is made, the others hear that it is", async () => {
    const { upload_id } = await user.start("race.bin", 4);
    const id = await user.chunk(upload_id, 0, text("race"));
    const answers = await Promise.all([1, 2, 3].map(() => complete(upload_id, [id])));
    expect(answers.map((a) => a.status).toSorted()).toEqual([201, 409, 409]);
    expect(answers.filter((a) => a.status === 409).map((a) => a.json.code)).toEqual([
      "upload_completed",
      "upload_completed",
    ]);
  });

  it("U10: the whole's hash is the server's own; a declared one that differs is told, and the bytes are kept", async () => {
    const one = await user.start("declared.bin", 4, { content_hash: await sha256(text("that")) });
    const id = await user.chunk(one.upload_id, 0, text("this"));
    const { json } = await complete(one.upload_id, [id]);
    expect(json).toMatchObject({ content_hash: await sha256(text("this")), integrity: "declared_hash_mismatch" });
    expect(await hashOf(json.file_id)).toBe(await sha256(text("this")));

    const two = await user.start("pending.bin", 8 * MiB + 1);
    const ids = [await user.chunk(two.upload_id, 0, part(1)), await user.chunk(two.upload_id, 1, text("!"))];
    expect((await complete(two.upload_id, ids)).json).toMatchObject({ content_hash: null, integrity: "pending" });
  });

  it("an empty file by a session has no chunks", async () => {
    const { upload_id } = await user.start("empty.bin", 0);
    const { json } = await complete(upload_id, []);
    expect(json).toMatchObject({ size: 0, content_hash: await sha256(text("")) });
    expect((await user.ask("GET", `files/${String(json.file_id)}/download`)).bytes).toHaveLength(0);
  });

  it("U16: a session can make a version, of the version that If-Match names only", async () => {
    const file = await user.file("based.txt", "one");
    const start = (version_id: string | null) =>
      user.ok<UploadSession>("POST", "files/upload", {
        json: { parent_id: "root", name: "based.txt", size: 3, file_id: file.file_id },
        headers: { "if-match": `"${version_id}"` },
      });
    const { upload_id } = await start(file.version_id);
    const id = await user.chunk(upload_id, 0, text("two"));
    await user.ok("PUT", `files/${file.file_id}`, { body: "meanwhile" });
    expectProblem(await complete(upload_id, [id]), 412, "precondition_failed");
    const now = await user.ok<File>("GET", `files/${file.file_id}`);
    const again = await start(now.version_id);
    const made = await complete(again.upload_id, [await user.chunk(again.upload_id, 0, text("two"))]);
    expect(made.json).toMatchObject({ file_id: file.file_id, version_number: 3 });
  });
});

describe("instant uploads", () => {
  const start = (who: User, name: string, bytes: string) =>
    sha256(text(bytes)).then((content_hash) =>
      who.ask<UploadedFile>("POST", "files/upload", {
        json: { parent_id: "root", name, size: bytes.length, content_hash },
      }),
    );

  it("U11: what I can read already is there at once, without a byte", async () => {
    await user.file("source.txt", "well known");
    const before = await objects();
    const { status, json } = await start(user, "instant.txt", "well known");
    expect([status, json.instant, json.size]).toEqual([201, true, 10]);
    expect(await hashOf(json.file_id)).toBe(await sha256(text("well known")));
    expect(await objects()).toBe(before);
  });

  it("U11: a hash alone gives nothing: not of another's file, not with another size, not of what is in the trash", async () => {
    const other = await newUser();
    await user.file("private.txt", "only mine");
    expect((await start(other, "stolen.txt", "only mine")).status).toBe(200);
    const json = { parent_id: "root", name: "size.txt", size: 3, content_hash: await sha256(text("only mine")) };
    expect((await user.ask("POST", "files/upload", { json })).status).toBe(200);
    const gone = await user.file("gone.txt", "in the trash");
    await user.ok("DELETE", `files/${gone.file_id}`);
    expect((await start(user, "risen.txt", "in the trash")).status).toBe(200);
  });
});

describe("one request", () => {
  it("U12: a body that breaks off leaves nothing: no file, no bytes, no reservation", async () => {
    const before = await everything();
    let sent = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        if ((sent += 1) > 20) controller.error(new Error("the sender has gone"));
        else controller.enqueue(new Uint8Array(MiB));
      },
    });
    const body = source.pipeThrough(new IdentityTransformStream());
    const answer = await user.ask("POST", "files/upload?name=broken.bin", { body });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await everything()).toEqual(before);
  });

  it("U2, U12: a name that was taken while the bytes came leaves no bytes", async () => {
    const before = await objects();
    const answers = await Promise.all(
      [1, 2, 3].map((i) => user.ask("POST", "files/upload?name=raced.txt", { body: `racer ${i}` })),
    );
    expect(answers.map((a) => a.status).toSorted()).toEqual([201, 409, 409]);
    expect(await objects()).toBe(before + 1);
    expect((await user.quota()).reserved_bytes).toBe(await reservedBySessions());
  });

  it("N4: rename gives the next free number, new_version a version of the holder", async () => {
    await user.file("kept.txt", "one");
    const again = (mode: string) =>
      user.ok<File>("POST", `files/upload?name=KEPT.txt&on_name_conflict=${mode}`, { body: "two" });
    expect((await again("rename")).name).toBe("KEPT (2).txt");
    expect((await again("rename")).name).toBe("KEPT (3).txt");
    expect(await again("new_version")).toMatchObject({ name: "kept.txt", version_number: 2 });
  });
});

/** What the open sessions of the user hold. */
async function reservedBySessions(): Promise<number> {
  const sum = "select coalesce(sum(reserved_bytes), 0) as n from uploads where drive_id = ?1 and state = 'open'";
  return (await (await shardOf(user.id)).prepare(sum).bind(user.id).first<{ n: number }>())!.n;
}
