import { beforeAll, describe, expect, test } from "vitest";
import type { FileRow, PermissionRow } from "../../core/files/model.ts";
import { scryptPasswords } from "../../platform/crypto/passwords.ts";
import { DriveFixture } from "../../test/support/workerd/drive-fixture.ts";
import { Visitor } from "../../test/support/workerd/visitor.ts";
import { inMemory, readZip } from "../../test/support/zip-reader.ts";

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

let drive: DriveFixture;
let folder: FileRow;
let inner: FileRow;
let outside: FileRow;

beforeAll(async () => {
  drive = await DriveFixture.create();
  folder = await drive.folder("Shared");
  inner = await drive.folder("inner", folder.file_id);
  await drive.file("a.txt", text("one"), { parent_id: folder.file_id });
  await drive.file("b.txt", text("two"), { parent_id: inner.file_id });
  outside = await drive.folder("outside");
});

const share = (fields: Partial<PermissionRow> = {}): Promise<PermissionRow> => drive.grant(folder.file_id, fields);

const pathsOf = (bytes: Uint8Array): string[] => readZip(inMemory(bytes), bytes.length).map(({ path }) => path);
const codeOf = (text: string): unknown => JSON.parse(text).code;

describe("Z12: a shared folder", () => {
  test("whole, or from one below it; HEAD gives the length", async () => {
    const { token } = await share();
    const visitor = new Visitor();
    const { answer, bytes } = await visitor.ask(`/s/${token}/archive`);
    expect(pathsOf(bytes)).toEqual(["Shared/", "Shared/a.txt", "Shared/inner/", "Shared/inner/b.txt"]);
    expect(answer.headers.get("cache-control")).toBe("private, no-store, no-transform");
    expect(answer.headers.get("cloudflare-cdn-cache-control")).toBeNull();
    const below = await visitor.ask(`/s/${token}/archive?folder_id=${inner.file_id}`);
    expect(pathsOf(below.bytes)).toEqual(["inner/", "inner/b.txt"]);
    const head = await visitor.ask(`/s/${token}/archive`, { method: "HEAD" });
    expect([head.answer.status, head.bytes.length]).toEqual([200, 0]);
    expect(head.answer.headers.get("content-length")).toBe(String(bytes.length));
  });

  test("nothing outside of it, no file, no other method", async () => {
    const { token } = await share();
    const visitor = new Visitor();
    for (const id of [outside.file_id, drive.root, drive.id()]) {
      const { answer, text } = await visitor.ask(`/s/${token}/archive?folder_id=${id}`);
      expect([answer.status, codeOf(text)]).toEqual([404, "not_found"]);
    }
    const file = await drive.file("single.txt", text("x"));
    const single = await drive.grant(file.file_id);
    const refused = await visitor.ask(`/s/${single.token}/archive`);
    expect([refused.answer.status, codeOf(refused.text)]).toEqual([409, "not_a_folder"]);
    expect((await visitor.ask(`/s/${token}/archive`, { method: "POST" })).answer.status).toBe(405);
  });

  test("a revoked link gives none, also to who has just seen it, and with its purge lost", async () => {
    const link = await share();
    const visitor = new Visitor();
    expect((await visitor.ask(`/s/${link.token}`)).answer.status).toBe(200);
    await drive.revoke(link);
    expect((await visitor.ask(`/s/${link.token}/archive`)).answer.status).toBe(404);
  });

  test("L10: a password is asked first", async () => {
    const { token } = await share({ password_hash: await scryptPasswords.hash("open sesame") });
    const visitor = new Visitor();
    const path = `/s/${token}/archive`;
    const { answer, text } = await visitor.ask(path);
    expect([answer.status, codeOf(text)]).toEqual([401, "password_required"]);
    const body = new URLSearchParams({ password: "open sesame" }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": String(body.length) };
    await visitor.ask(`/s/${token}`, { method: "POST", body, headers });
    expect(pathsOf((await visitor.ask(path)).bytes)).toHaveLength(4);
  });

  test("L9: an archive counts as one download; HEAD and a failure count none", async () => {
    const { token } = await share({ max_downloads: 1 });
    const path = `/s/${token}/archive`;
    const visitor = new Visitor();
    expect((await visitor.ask(path, { method: "HEAD" })).answer.status).toBe(200);
    expect((await visitor.ask(`${path}?folder_id=${outside.file_id}`)).answer.status).toBe(404);
    expect((await visitor.ask(path)).answer.status).toBe(200);
    expect((await visitor.ask(path)).answer.status, "the ticket").toBe(200);
    const late = await new Visitor().ask(path);
    expect([late.answer.status, codeOf(late.text)]).toEqual([410, "download_limit_reached"]);
  });
});
