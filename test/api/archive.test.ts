/** docs/spec/archive.md over HTTP. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { crc32 } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { newId, tenantOf } from "../../core/protocol/ids.ts";
import worker from "../../workers/api/index.ts";
import { type Answer, apiEnv, Api, expectProblem, newUser, shardOf, text, type User } from "../support/workerd/api.ts";
import { inMemory, readZip, type ZipMember } from "../support/zip-reader.ts";

let user: User;
let other: User;

beforeAll(async () => {
  user = await newUser();
  other = await newUser();
});

const archiveOf = (id: string, api: Api = user, method = "GET"): Promise<Answer> =>
  api.ask(method, `folders/${id}/archive`);
const select = (file_ids: string[], api: Api = user): Promise<Answer> =>
  api.ask("POST", "archive", { json: { file_ids } });

function membersOf({ status, bytes, headers, json }: Answer): ZipMember[] {
  expect(status, JSON.stringify(json)).toBe(200);
  expect(headers.get("content-length")).toBe(String(bytes.length));
  return readZip(inMemory(bytes), bytes.length);
}

const pathsOf = (answer: Answer): string[] => membersOf(answer).map(({ path }) => path);
const contentOf = ({ bytes }: Answer, { start, size }: ZipMember): string =>
  new TextDecoder().decode(bytes.subarray(start, start + size));

/** Many empty files at once, as rows; their ids differ in the random part. */
async function fill({ file_id, drive_id }: File, count: number): Promise<void> {
  const tenant = tenantOf(file_id);
  const now = Date.now();
  await (
    await shardOf(file_id)
  )
    .prepare(
      `with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1)
       insert into files (tenant_id, file_id, drive_id, parent_id, name, name_key, is_folder, content_id, created_by, created_at, updated_at)
       select ?2, ?3 || printf('%012x', i), ?4, ?5, 'entry ' || i, 'entry ' || i, 0, ?4, ?4, ?6, ?6 from n`,
    )
    .bind(count, tenant, newId(tenant, now).slice(0, 24), drive_id, file_id, now)
    .run();
}

describe("a folder", () => {
  let folder: File;

  beforeAll(async () => {
    folder = await user.folder("Photos ü");
    const inner = await user.folder("inner", folder.file_id);
    await user.folder("empty", folder.file_id);
    await user.file("日本 📁.txt", "hello", inner.file_id);
    await user.file("nothing", "", folder.file_id);
    await user.file("big.bin", new Uint8Array(3_000_000).fill(7), folder.file_id);
    const binned = await user.folder("binned", folder.file_id);
    await user.file("gone", "x", binned.file_id);
    await user.ok("DELETE", `files/${binned.file_id}`);
  });

  it("Z1, Z4: all that lives in it, empty folders too, what is trashed left out", async () => {
    const answer = await archiveOf(folder.file_id);
    const members = membersOf(answer);
    expect(members.map(({ path, size }) => [path, size])).toEqual([
      ["Photos ü/", 0],
      ["Photos ü/big.bin", 3_000_000],
      ["Photos ü/empty/", 0],
      ["Photos ü/inner/", 0],
      ["Photos ü/nothing", 0],
      ["Photos ü/inner/日本 📁.txt", 5],
    ]);
    expect(contentOf(answer, members.at(-1) as ZipMember)).toBe("hello");
    expect(members[1]?.crc).toBe(crc32(new Uint8Array(3_000_000).fill(7)));
    expect(Math.abs((members.at(-1) as ZipMember).modified_at - Date.now())).toBeLessThan(60_000);
  });

  it("Z5, Z11: HEAD gives the length; headers say what it is and that nobody keeps it", async () => {
    const [got, head] = [await archiveOf(folder.file_id), await archiveOf(folder.file_id, user, "HEAD")];
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    for (const { headers } of [got, head])
      expect(Object.fromEntries(headers)).toMatchObject({
        "content-type": "application/zip",
        "content-length": String(got.bytes.length),
        "content-encoding": "identity",
        "accept-ranges": "none",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store, no-transform",
      });
    expect(got.headers.get("content-disposition")).toBe(
      `attachment; filename="Photos ?.zip"; filename*=UTF-8''Photos%20%C3%BC.zip`,
    );
  });

  it("Z11: a browser's cookie opens it; without a sign-in it does not", async () => {
    const anyone = new Api();
    const headers = { cookie: `edgedrive_access=${user.token}` };
    const path = `folders/${folder.file_id}/archive`;
    expect(pathsOf(await anyone.ask("GET", path, { headers }))).toHaveLength(6);
    expectProblem(await anyone.ask("GET", path), 401, "token_missing");
    const json = { file_ids: [folder.file_id] };
    expectProblem(await anyone.ask("POST", "archive", { headers, json }), 401, "token_missing");
  });

  it("Z2: view is enough, nothing is not", async () => {
    expectProblem(await archiveOf(folder.file_id, other), 404, "not_found");
    await user.ok("POST", `files/${folder.file_id}/share`, { json: { user_id: other.id, permission: "view" } });
    expect(pathsOf(await archiveOf(folder.file_id, other))).toHaveLength(6);
  });

  it("root is the caller's whole drive; a file is none; what is trashed is gone", async () => {
    expect(pathsOf(await archiveOf("root", await newUser()))).toEqual(["My Drive/"]);
    const file = await user.file("a file", "x");
    expectProblem(await archiveOf(file.file_id), 409, "not_a_folder");
    const trashed = await user.folder("to be trashed");
    await user.ok("DELETE", `files/${trashed.file_id}`);
    expectProblem(await archiveOf(trashed.file_id), 410, "trashed");
  });

  it("folders with more items than a page holds, beside small ones", async () => {
    const many = await user.folder("many");
    const [left, right] = [await user.folder("left", many.file_id), await user.folder("right", many.file_id)];
    await fill(left, 2_500);
    await fill(right, 30);
    await user.file("last", "x", right.file_id);
    const paths = pathsOf(await archiveOf(many.file_id));
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths).toHaveLength(3 + 2_500 + 31);
  });
});

describe("a selection", () => {
  it("Z1, Z3: files and folders of several drives, each once, clashing names numbered", async () => {
    const [a, b] = [await user.folder("a"), await user.folder("b")];
    const one = await user.file("Same.txt", "one", a.file_id);
    const two = await user.file("same.txt", "two", b.file_id);
    const foreign = await other.file("SAME.txt", "three");
    await other.ok("POST", `files/${foreign.file_id}/share`, { json: { user_id: user.id, permission: "view" } });
    const answer = await select([one.file_id, two.file_id, foreign.file_id, one.file_id, b.file_id]);
    const members = membersOf(answer);
    const found = members.map((member) => [member.path, contentOf(answer, member)]);
    expect(found).toEqual([
      ["Same.txt", "one"],
      ["same (2).txt", "two"],
      ["b/", ""],
      ["b/same.txt", "two"],
      ["SAME (3).txt", "three"],
    ]);
    expect(answer.headers.get("content-disposition")).toBe("attachment; filename=Archive.zip");
  });

  it("Z2: one item that the caller may not see refuses the whole, and is named", async () => {
    const mine = await user.file("mine", "x");
    const hidden = await other.file("hidden", "x");
    for (const id of [hidden.file_id, newId(tenantOf(mine.file_id), Date.now()), newId(1, Date.now())]) {
      const answer = await select([mine.file_id, id]);
      expectProblem(answer, 404, "not_found");
      expect(answer.json.file_id).toBe(id);
    }
    await user.ok("DELETE", `files/${mine.file_id}`);
    expectProblem(await select([mine.file_id]), 410, "trashed");
  });

  it("Z7: nothing, more than 1,000 items, and what is no id are refused", async () => {
    const ids = Array.from({ length: 1_001 }, () => newId(1, Date.now()));
    for (const file_ids of [[], ids, ["root"]]) expectProblem(await select(file_ids), 400, "invalid_request");
  });
});

describe("Z6, Z10: while it is sent", () => {
  /** The answer unread. */
  async function begin(path: string): Promise<[Response, () => Promise<void>]> {
    const ctx = createExecutionContext();
    const headers = { authorization: `Bearer ${user.token}` };
    const request = new Request<unknown, IncomingRequestCfProperties>(`https://drive.example/api/v1/${path}`, {
      headers,
    });
    return [await worker.fetch(request, apiEnv, ctx), () => waitOnExecutionContext(ctx)];
  }

  it("the tree changes, and the archive is what it was at the beginning", async () => {
    const folder = await user.folder("changing");
    const one = await user.file("one", "1", folder.file_id);
    const two = await user.file("two", "22", folder.file_id);
    const three = await user.file("three", "333", folder.file_id);
    const [response, done] = await begin(`folders/${folder.file_id}/archive`);
    await user.ok("PATCH", `files/${one.file_id}`, { json: { name: "renamed" } });
    await user.ok("PUT", `files/${two.file_id}`, { body: "another content" });
    await user.ok("DELETE", `files/${three.file_id}`);
    await user.ok("DELETE", `trash/${three.file_id}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    await done();
    expect(response.headers.get("content-length")).toBe(String(bytes.length));
    const members = readZip(inMemory(bytes), bytes.length);
    const contents = members.map(({ path, start, size }) => [
      path,
      new TextDecoder().decode(bytes.subarray(start, start + size)),
    ]);
    expect(contents).toEqual([
      ["changing/", ""],
      ["changing/one", "1"],
      ["changing/three", "333"],
      ["changing/two", "22"],
    ]);
  });

  it("a file whose bytes are gone ends the transfer with an error", async () => {
    const folder = await user.folder("damaged");
    await user.file("a", "whole", folder.file_id);
    const before = new Set((await apiEnv.BLOBS.list()).objects.map(({ key }) => key));
    await user.file("b", text("about to be lost"), folder.file_id);
    const added = (await apiEnv.BLOBS.list()).objects.map(({ key }) => key).filter((key) => !before.has(key));
    await apiEnv.BLOBS.delete(added);
    const [response, done] = await begin(`folders/${folder.file_id}/archive`);
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
    await done().catch(() => undefined);
  });
});

describe("Z7: the largest archive", () => {
  it("has 100,000 entries; one more is refused before the first byte", { timeout: 120_000 }, async () => {
    const folder = await user.folder("huge");
    await fill(folder, 99_999);
    const head = await archiveOf(folder.file_id, user, "HEAD");
    expect(head.status).toBe(200);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(10_000_000);
    await user.folder("one more", folder.file_id);
    expectProblem(await archiveOf(folder.file_id), 413, "payload_too_large");
  });
});
