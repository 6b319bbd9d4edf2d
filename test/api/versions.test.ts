/** docs/spec/versions.md over HTTP, but for retention: workers/queue-consumers/retention.test.ts. */
import { applyPatch } from "diff";
import { beforeAll, describe, expect, it } from "vitest";
import type { SideBySide } from "../../core/protocol/diff.ts";
import type { File, Version } from "../../core/protocol/files.ts";
import { newId, tenantOf } from "../../core/protocol/ids.ts";
import {
  type Answer,
  apiEnv,
  everything,
  expectProblem,
  expectRefused,
  newUser,
  shardOf,
  type User,
  withVars,
} from "../support/workerd/api.ts";

let user: User;
let other: User;

beforeAll(async () => {
  user = await newUser();
  other = await newUser();
});

const put = (file: File, body: BodyInit): Promise<File> => user.ok<File>("PUT", `files/${file.file_id}`, { body });

/** A file with these contents, the last one the current. */
async function history(name: string, ...contents: BodyInit[]): Promise<File[]> {
  const versions = [await user.file(name, contents[0] as BodyInit)];
  for (const content of contents.slice(1)) versions.push(await put(versions[0] as File, content));
  return versions;
}

const versionsOf = async ({ file_id }: File): Promise<Version[]> =>
  (await user.ok<{ items: Version[] }>("GET", `files/${file_id}/versions`)).items;

const compare = (from: File, to: File, format = "unified", by = user): Promise<Answer> =>
  by.ask("GET", `files/${to.file_id}/diff?from=${from.version_id}&to=${to.version_id}&format=${format}`);

const download = async ({ file_id }: File): Promise<string> =>
  new TextDecoder().decode((await user.ask("GET", `files/${file_id}/download`)).bytes);

describe("differences", () => {
  it("V1: a patch that makes the one of the other, both ways", async () => {
    const [from, to] = (await history("notes.md", "one\ntwo\nthree\n", "one\n2\nthree\nfour")) as [File, File];
    const there = await compare(from, to);
    expect([there.status, there.headers.get("content-type")]).toEqual([200, "text/x-diff; charset=utf-8"]);
    const patch = new TextDecoder().decode(there.bytes);
    expect(patch).toContain("--- a/notes.md");
    expect(applyPatch("one\ntwo\nthree\n", patch)).toBe("one\n2\nthree\nfour");
    const back = new TextDecoder().decode((await compare(to, from)).bytes);
    expect(applyPatch("one\n2\nthree\nfour", back)).toBe("one\ntwo\nthree\n");
    expect((await compare(to, to)).bytes).toHaveLength(0);
  });

  it("V1: rows side by side", async () => {
    const [from, to] = (await history("side.txt", "a\nb\n", "a\nB\n")) as [File, File];
    const { json } = await compare(from, to, "side_by_side");
    expect(json as unknown as SideBySide).toEqual({
      from: from.version_id,
      to: to.version_id,
      minimal: true,
      hunks: [
        {
          left_start: 1,
          right_start: 1,
          rows: [
            { changed: false, left: { number: 1, text: "a" }, right: { number: 1, text: "a" } },
            { changed: true, left: { number: 2, text: "b" }, right: { number: 2, text: "B" } },
          ],
        },
      ],
    });
  });

  it("V2: only text, by type and by bytes; an older encoding is text too", async () => {
    const [picture] = (await history("picture.png", "not really")) as [File];
    expectProblem(await compare(picture, picture), 422, "not_text");
    const [binary] = (await history("binary.txt", new Uint8Array(1000))) as [File];
    expectProblem(await compare(binary, binary), 422, "not_text");
    const latin = Uint8Array.from([0x63, 0x61, 0x66, 0xe9, 0x0a]);
    const [from, to] = (await history("latin.txt", latin, "café au lait\n")) as [File, File];
    expect(new TextDecoder().decode((await compare(from, to)).bytes)).toContain("-café\n+café au lait");
  });

  it("V3: 1 MiB and 100,000 lines are the most", async () => {
    const line = "0123456789abcde\n";
    const full = line.repeat(65_536);
    const [from, to] = (await history("full.txt", full, full.slice(0, -2) + "X\n")) as [File, File];
    expect((await compare(from, to)).status).toBe(200);
    const [large] = (await history("large.txt", `${full}x`)) as [File];
    expectProblem(await compare(large, large), 413, "payload_too_large");
    const [lines] = (await history("lines.txt", "\n".repeat(100_001))) as [File];
    expectProblem(await compare(lines, lines), 413, "payload_too_large");
  });

  it("what cannot be compared, or not by this caller", async () => {
    const [file] = (await history("mine.txt", "x")) as [File];
    const [another] = (await history("another.txt", "x")) as [File];
    expectProblem(await compare(another, file), 404, "not_found");
    expectProblem(await compare(file, file, "unified", other), 404, "not_found");
    expectProblem(await compare(file, file, "html"), 400, "invalid_request");
    expectProblem(await user.ask("GET", `files/${file.file_id}/diff?from=7`), 400, "invalid_request");
    const folder = await user.folder("a folder");
    const path = `files/${folder.file_id}/diff?from=${file.version_id}&to=${file.version_id}`;
    expectProblem(await user.ask("GET", path), 409, "not_a_file");
    await user.ok("POST", `files/${file.file_id}/share`, { json: { user_id: other.id, permission: "view" } });
    expect((await compare(file, file, "unified", other)).status).toBe(200);
  });
});

describe("purging", () => {
  it("V4: all old versions at once; the current one, its bytes and the quota stay", async () => {
    const [, , current] = (await history("purged.txt", "one", "two!", "three")) as [File, File, File];
    const before = await user.quota();
    await user.ok("DELETE", `files/${current.file_id}/versions`);
    expect(await versionsOf(current)).toMatchObject([{ version_id: current.version_id, is_current: true }]);
    expect(await user.ok("GET", `files/${current.file_id}`)).toMatchObject({ version_count: 1, version_number: 3 });
    expect(await download(current)).toBe("three");
    expect(await user.quota()).toEqual(before);
  });

  it("V4: wants `owner`, and a file", async () => {
    const [, current] = (await history("kept.txt", "one", "two")) as [File, File];
    await user.ok("POST", `files/${current.file_id}/share`, { json: { user_id: other.id, permission: "edit" } });
    const path = `files/${current.file_id}/versions`;
    await expectRefused(other, 403, "forbidden", "DELETE", path);
    await expectRefused(user, 403, "forbidden", "DELETE", `${path}/${current.version_id}`);
    const folder = await user.folder("no history");
    await expectRefused(user, 409, "not_a_file", "DELETE", `files/${folder.file_id}/versions`);
  });

  it("V4: two requests for the same version at once end it once", async () => {
    const [old, , current] = (await history("twice.txt", "one", "two", "three")) as [File, File, File];
    const path = `files/${old.file_id}/versions/${old.version_id}`;
    const answers = await Promise.all([1, 2, 3].map(() => user.ask("DELETE", path)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 404, 404]);
    expect(await user.ok("GET", `files/${current.file_id}`)).toMatchObject({ version_count: 2 });
  });

  it("V5: a long history in slices; asking again, by the same key too, changes nothing", async () => {
    const [file] = (await history("long.txt", "x")) as [File];
    await lengthen(file, 450);
    expect(await user.ok("GET", `files/${file.file_id}`)).toMatchObject({ version_count: 450 });
    const headers = { "idempotency-key": "purge-the-long-one" };
    await user.ok("DELETE", `files/${file.file_id}/versions`, { headers });
    expect(await user.ok("GET", `files/${file.file_id}`)).toMatchObject({ version_count: 1, version_number: 450 });
    expect(await versionsOf(file)).toHaveLength(1);
    const after = await everything();
    await user.ok("DELETE", `files/${file.file_id}/versions`, { headers });
    await user.ok("DELETE", `files/${file.file_id}/versions`);
    expect(await everything()).toEqual(after);
  });
});

/** Versions of the same content, as rows, up to this number. */
async function lengthen({ file_id }: File, count: number): Promise<void> {
  const tenant = tenantOf(file_id);
  const db = await shardOf(file_id);
  const ids = Array.from({ length: count - 1 }, () => newId(tenant, Date.now()));
  await db.batch([
    db
      .prepare(
        `insert into versions (tenant_id, file_id, version_number, version_id, content_id, size, created_by, created_at)
         select ?1, ?2, want.key + 2, want.value, v.content_id, v.size, v.created_by, v.created_at from json_each(?3) want
           join versions v on v.tenant_id = ?1 and v.file_id = ?2 and v.version_number = 1`,
      )
      .bind(tenant, file_id, JSON.stringify(ids)),
    db
      .prepare(
        `update files set version_number = ?3, version_count = ?3, version_id = ?4 where tenant_id = ?1 and file_id = ?2`,
      )
      .bind(tenant, file_id, count, ids.at(-1)),
  ]);
}

describe("V10: restoring a version", () => {
  const restore = (file: File): Promise<File> =>
    user.ok<File>("POST", `files/${file.file_id}/restore?version=${file.version_id}`);

  it("is a new version, also when its content is the current one", async () => {
    const [first, second] = (await history("restored.txt", "one", "two")) as [File, File];
    const back = await restore(first);
    expect(back).toMatchObject({ version_number: 3, version_count: 3, content_hash: first.content_hash });
    expect(await download(back)).toBe("one");
    const again = await restore(first);
    expect(again).toMatchObject({ version_number: 4, version_count: 4, content_hash: first.content_hash });
    expect(await restore(again)).toMatchObject({ version_number: 5, version_count: 5 });
    expect((await versionsOf(second)).map((v) => v.change_description)).toEqual([
      "Restored version 4",
      "Restored version 1",
      "Restored version 1",
      null,
      null,
    ]);
  });

  it("needs the space by which it is larger, and without it changes nothing", async () => {
    const poor = await newUser();
    const large = await poor.file("shrunk.txt", "x".repeat(1000));
    const small = await poor.ok<File>("PUT", `files/${large.file_id}`, { body: "x" });
    const limit = (bytes: number): Promise<unknown> =>
      shardOf(poor.id).then((db) =>
        db.prepare("update drives set limit_bytes = ?1 where drive_id = ?2").bind(bytes, poor.id).run(),
      );
    await limit(999);
    const path = `files/${large.file_id}/restore?version=${large.version_id}`;
    await expectRefused(poor, 413, "quota_exceeded", "POST", path);
    // As large as the current one needs none, whatever is free.
    await limit(0);
    await poor.ok("POST", `files/${large.file_id}/restore?version=${small.version_id}`);
    await limit(1000);
    await poor.ok("POST", path);
    expect((await poor.quota()).used_bytes).toBe(1000);
  });
});

describe("F5: out of the trash", () => {
  const trash = (file: File): Promise<unknown> => user.ok("DELETE", `files/${file.file_id}`);
  const purge = (file: File): Promise<unknown> => user.ok("DELETE", `trash/${file.file_id}`);
  const untrash = (file: File): Promise<File> => user.ok<File>("POST", `files/${file.file_id}/untrash`);

  it("to where it was; a name taken meanwhile gets a number", async () => {
    const folder = await user.folder("home");
    const file = await user.file("Report.txt", "old", folder.file_id);
    await trash(file);
    await user.file("report.txt", "new", folder.file_id);
    expect(await untrash(file)).toMatchObject({ parent_id: folder.file_id, name: "Report (2).txt", trashed_at: null });
  });

  it("to the nearest living ancestor when folders above were trashed", async () => {
    const living = await user.folder("living");
    const upper = await user.folder("upper", living.file_id);
    const lower = await user.folder("lower", upper.file_id);
    const file = await user.file("deep.txt", "x", lower.file_id);
    for (const item of [file, upper]) await trash(item);
    await user.file("deep.txt", "another", living.file_id);
    expect(await untrash(file)).toMatchObject({ parent_id: living.file_id, name: "deep (2).txt" });
  });

  it("to the root folder when the folder was purged", async () => {
    const folder = await user.folder("purged folder");
    const file = await user.file("survivor.txt", "x", folder.file_id);
    for (const item of [file, folder]) await trash(item);
    await purge(folder);
    expect(await untrash(file)).toMatchObject({ parent_id: user.id, name: "survivor.txt" });
    expect(await download(file)).toBe("x");
  });

  it("what is not there cannot be taken out", async () => {
    const file = await user.file("not trashed.txt", "x");
    expectProblem(await user.ask("POST", `files/${file.file_id}/untrash`), 409, "not_trashed");
  });
});

describe("V11: copies", () => {
  /** Rows by table, over all shards. */
  async function rows(): Promise<Record<string, number>> {
    const { rows } = (await everything()) as { rows: Record<string, Record<string, unknown[]>> };
    const tables = Object.values(rows).flatMap((database) => Object.entries(database));
    const counts: Record<string, number> = {};
    for (const [table, all] of tables) counts[table] = (counts[table] ?? 0) + all.length;
    return counts;
  }

  /** What a request adds, and how often it asks the object store. */
  async function cost(path: string, json: object): Promise<{ added: Record<string, number>; r2: number; file: File }> {
    let r2 = 0;
    const BLOBS = new Proxy(apiEnv.BLOBS, {
      get: (bucket, name) => {
        r2++;
        return Reflect.get(bucket, name) as unknown;
      },
    });
    const before = await rows();
    const watched = new (user.constructor as typeof User)(user.signedIn, withVars({ BLOBS }));
    const file = await watched.ok<File>("POST", path, { json });
    const after = await rows();
    const changed = Object.entries(after).filter(([table, count]) => count !== before[table]);
    return {
      added: Object.fromEntries(changed.map(([table, count]) => [table, count - (before[table] ?? 0)])),
      r2,
      file,
    };
  }

  it("of a file into another folder: three rows, no object asked for", async () => {
    const [, current] = (await history("original.txt", "one", "two")) as [File, File];
    const folder = await user.folder("copies");
    const { added, r2, file } = await cost(`files/${current.file_id}/copy`, { parent_id: folder.file_id });
    expect(added).toEqual({ files: 1, versions: 1, journal: 1 });
    expect(r2).toBe(0);
    expect(file).toMatchObject({ parent_id: folder.file_id, version_count: 1, content_hash: current.content_hash });
    await put(current, "changed");
    expect(await download(file)).toBe("two");
  });

  it("of a tree: three rows a file, two a folder, no object asked for, and nothing trashed", async () => {
    const tree = await user.folder("tree");
    const inner = await user.folder("inner", tree.file_id);
    const file = await user.file("leaf.txt", "leaf", inner.file_id);
    await user.ok("DELETE", `files/${(await user.file("binned.txt", "x", inner.file_id)).file_id}`);
    const target = await user.folder("target");
    const used = (await user.quota()).used_bytes;
    const { added, r2, file: copy } = await cost(`files/${tree.file_id}/copy`, { parent_id: target.file_id });
    expect(added).toEqual({ files: 3, versions: 1, journal: 3 });
    expect(r2).toBe(0);
    expect((await user.quota()).used_bytes).toBe(used + file.size);
    const list = async (id: string) => (await user.ok<{ items: File[] }>("GET", `folders/${id}/contents`)).items;
    const [below] = await list(copy.file_id);
    expect(await list((below as File).file_id)).toMatchObject([{ name: "leaf.txt", size: 4 }]);
  });
});
