import { beforeAll, describe, expect, test } from "vitest";
import type { FileRow } from "../../core/files/model.ts";
import { formatNode, joinNodes, parseText } from "../../core/manifests/root.ts";
import { newShareToken } from "../../core/protocol/ids.ts";
import { CacheApi } from "../../platform/cache/edge-cache.ts";
import { DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Visitor } from "../../test/support/workerd/visitor.ts";

let drive: DriveFixture;
beforeAll(async () => {
  drive = await DriveFixture.create();
});

const tokenOf = async (file: FileRow, fields = {}): Promise<string> =>
  (await drive.grant(file.file_id, fields)).token as string;

const aFile = (bytes: Uint8Array = noise(1000), name = `${crypto.randomUUID()}.txt`): Promise<FileRow> =>
  drive.file(name, bytes);

describe("what a link answers", () => {
  test("L1: the page names the file, its size and a download", async () => {
    const token = await tokenOf(await aFile(noise(1234), "Report <1>.txt".replace(/[<>]/g, "&")));
    const { answer, text } = await new Visitor().ask(`/s/${token}`);
    expect(answer.status).toBe(200);
    expect(text).toContain("Report &amp;1&amp;.txt");
    expect(text).toContain("1.2 KB");
    expect(text).toContain(`href="/s/${token}/download"`);
    expect(text).not.toContain("<script");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
    expect(answer.headers.get("x-request-id")).toEqual(expect.any(String));
  });

  test("L1: the page's own style, and no other, is let through", async () => {
    const { answer, text } = await new Visitor().ask(`/s/${await tokenOf(await aFile())}`);
    const style = /<style>([^]*)<\/style>/.exec(text)?.[1] as string;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style)));
    const hash = btoa(String.fromCharCode(...digest));
    expect(answer.headers.get("content-security-policy")).toContain(`style-src 'sha256-${hash}'`);
  });

  test("L1: an attribute cannot be broken out of by a name", async () => {
    const token = await tokenOf(await aFile(noise(10), "a' onload='x&#34;.txt"));
    const { text } = await new Visitor().ask(`/s/${token}`);
    expect(text).toContain("a&#39; onload=&#39;x&amp;#34;.txt");
  });

  test("L2: unknown, malformed and foreign tokens are the same 404", async () => {
    for (const token of [newShareToken(drive.tenant), newShareToken(7), "x", "%00", "a".repeat(500)]) {
      const { answer, text } = await new Visitor().ask(`/s/${token}`);
      expect(answer.status).toBe(404);
      expect(text).toContain("This link leads nowhere");
      expect(answer.headers.get("cache-control")).toContain("no-store");
    }
  });

  test("L2: an expired link is 410 to the millisecond, in words on the page and as a code below it", async () => {
    const expires_at = Date.now() + 30_000;
    const token = await tokenOf(await aFile(), { expires_at });
    const visitor = new Visitor();
    const { answer: first } = await visitor.ask(`/s/${token}`);
    expect(first.status).toBe(200);
    const kept = /max-age=(\d+)/.exec(first.headers.get("cloudflare-cdn-cache-control") ?? "")?.[1];
    expect(Number(kept)).toBeLessThanOrEqual(30);
    visitor.ahead = 30_000;
    const { answer, text } = await visitor.ask(`/s/${token}`);
    expect(answer.status).toBe(410);
    expect(text).toContain("This link has expired");
    const { answer: bytes, text: body } = await visitor.ask(`/s/${token}/download`);
    expect(bytes.status).toBe(410);
    expect(JSON.parse(body)).toMatchObject({ code: "link_expired", status: 410 });
  });

  test("L2: what was trashed, or lies in a trashed folder, is 404", async () => {
    const folder = await drive.folder(crypto.randomUUID());
    const file = await drive.file("in.txt", noise(10), { parent_id: folder.file_id });
    const token = await tokenOf(file);
    await drive.run({ op: "trash", file_id: folder.file_id });
    expect((await new Visitor().ask(`/s/${token}`)).answer.status).toBe(404);
    expect((await new Visitor().ask(`/s/${token}/download`)).answer.status).toBe(404);
  });

  test("L2: a tenant that is moving away is not answered for from the old shard", async () => {
    const other = await DriveFixture.create("SHARD_01");
    const file = await other.file("x.txt", noise(10));
    const { token } = await other.grant(file.file_id);
    await other.shard.prepare("update tenants set state = 'moving' where tenant_id = ?1").bind(other.tenant).run();
    expect((await new Visitor().ask(`/s/${token}`)).answer.status).toBe(404);
  });

  test("L3: the bytes with ETag, digest, HEAD, ranges and conditions", async () => {
    const bytes = noise(100_000);
    const file = await aFile(bytes);
    const path = `/s/${await tokenOf(file)}/download`;
    const visitor = new Visitor();
    const whole = await visitor.ask(path);
    expect(whole.answer.status).toBe(200);
    expect(whole.bytes).toEqual(bytes);
    const etag = whole.answer.headers.get("etag") as string;
    expect(etag).toBe(`"${file.version_id}"`);
    expect(whole.answer.headers.get("repr-digest")).toMatch(/^sha-256=:/);
    expect(whole.answer.headers.get("content-security-policy")).toContain("sandbox");

    const head = await visitor.ask(path, { method: "HEAD" });
    expect(head.answer.status).toBe(200);
    expect(head.answer.headers.get("content-length")).toBe("100000");
    expect(head.bytes.length).toBe(0);

    const part = await visitor.ask(path, { headers: { range: "bytes=70000-70009" } });
    expect(part.answer.status).toBe(206);
    expect(part.answer.headers.get("content-range")).toBe("bytes 70000-70009/100000");
    expect(part.bytes).toEqual(bytes.slice(70_000, 70_010));
    const last = await visitor.ask(path, { headers: { range: "bytes=-5" } });
    expect(last.bytes).toEqual(bytes.slice(-5));
    expect((await visitor.ask(path, { headers: { range: "bytes=100000-" } })).answer.status).toBe(416);
    expect((await visitor.ask(path, { headers: { "if-none-match": etag } })).answer.status).toBe(304);
    expect((await visitor.ask(path, { headers: { "if-match": '"other"' } })).answer.status).toBe(412);
  });

  test("L3: an empty file downloads", async () => {
    const { answer, bytes } = await new Visitor().ask(`/s/${await tokenOf(await aFile(noise(0)))}/download`);
    expect([answer.status, bytes.length]).toEqual([200, 0]);
  });

  test("L3: bytes of an active type come as an attachment", async () => {
    const file = await drive.file(`${crypto.randomUUID()}.html`, noise(10), { mime_type: "text/html" });
    const { answer } = await new Visitor().ask(`/s/${await tokenOf(file)}/download`);
    expect(answer.headers.get("content-disposition")).toMatch(/^attachment/);
  });

  test("L3: other methods are 405, other paths 404", async () => {
    const token = await tokenOf(await aFile());
    expect((await new Visitor().ask(`/s/${token}/download`, { method: "DELETE" })).answer.status).toBe(405);
    expect((await new Visitor().ask(`/s/${token}/else`)).answer.status).toBe(404);
  });
});

describe("the two layers of the cache", () => {
  test("L4, L7, step 6: the second hit touches neither D1 nor R2", { timeout: 30_000 }, async () => {
    const bytes = noise(300_000);
    const token = await tokenOf(await aFile(bytes));
    const visitor = new Visitor();
    await visitor.ask(`/s/${token}/download`);
    expect(visitor.counts.d1).toBeGreaterThan(0);
    expect(visitor.counts.r2).toBe(1);
    visitor.reset();
    const again = await visitor.ask(`/s/${token}/download`);
    const page = await visitor.ask(`/s/${token}`);
    const range = await visitor.ask(`/s/${token}/download`, { headers: { range: "bytes=1000-250999" } });
    expect(Buffer.compare(again.bytes, bytes)).toBe(0);
    expect(page.answer.status).toBe(200);
    expect(Buffer.compare(range.bytes, bytes.slice(1000, 251_000))).toBe(0);
    expect(visitor.counts).toEqual({ d1: 0, r2: 0 });
  });

  test("L7: a range that comes first fills the entry behind the answer", { timeout: 30_000 }, async () => {
    const bytes = noise(9_500_000);
    const token = await tokenOf(await aFile(bytes));
    const visitor = new Visitor();
    const range = await visitor.ask(`/s/${token}/download`, { headers: { range: "bytes=9000000-9000999" } });
    expect(range.bytes).toEqual(bytes.slice(9_000_000, 9_001_000));
    visitor.reset();
    const whole = await visitor.ask(`/s/${token}/download`);
    expect(Buffer.compare(whole.bytes, bytes)).toBe(0);
    expect(visitor.counts).toEqual({ d1: 0, r2: 0 });
  });

  test("L7: visitors who come together all get whole bytes", { timeout: 30_000 }, async () => {
    const bytes = noise(9_000_000);
    const token = await tokenOf(await aFile(bytes));
    const answers = await Promise.all(Array.from({ length: 4 }, () => new Visitor().ask(`/s/${token}/download`)));
    for (const answer of answers) expect(Buffer.compare(answer.bytes, bytes)).toBe(0);
  });

  test("L8: a file above 128 MiB is read from R2 each time", async () => {
    const MiB = 1024 * 1024;
    const piece = noise(8 * MiB);
    const file = await aFile(piece);
    const sql = "select manifest from contents where tenant_id = ?1 and content_id = ?2";
    const manifest = await drive.shard.prepare(sql).bind(drive.tenant, file.content_id).first<string>("manifest");
    // The same piece again and again.
    const node = await parseText(manifest as string);
    const root = joinNodes(
      node.bits,
      Array.from({ length: 17 }, () => node),
    );
    const size = root.size;
    await drive.shard.batch([
      drive.shard
        .prepare("update contents set manifest = ?3, size = ?4 where tenant_id = ?1 and content_id = ?2")
        .bind(drive.tenant, file.content_id, await formatNode(root), size),
      drive.shard
        .prepare("update files set size = ?3 where tenant_id = ?1 and file_id = ?2")
        .bind(drive.tenant, file.file_id, size),
    ]);
    const path = `/s/${await tokenOf(file)}/download`;
    const visitor = new Visitor();
    for (let again = 0; again < 2; again++) {
      visitor.reset();
      const range = { headers: { range: `bytes=${8 * MiB + 5}-${8 * MiB + 104}` } };
      expect((await visitor.ask(path, range)).bytes).toEqual(piece.slice(5, 105));
      // The blocks, and their leaf, which is kept (M9).
      expect(visitor.counts.r2).toBe(again === 0 ? 2 : 1);
    }
  });

  test("L7: a visitor who leaves does not spoil the entry", { timeout: 30_000 }, async () => {
    const bytes = noise(5_000_000);
    const token = await tokenOf(await aFile(bytes));
    const visitor = new Visitor();
    await visitor.leave(`/s/${token}/download`);
    const whole = await visitor.ask(`/s/${token}/download`);
    expect(Buffer.compare(whole.bytes, bytes)).toBe(0);
  });

  test("L7: a filling whose request died is taken over by the next visitor", async () => {
    const bytes = noise(100_000);
    const token = await tokenOf(await aFile(bytes));
    const { promise: began, resolve } = Promise.withResolvers<void>();
    // As the runtime ends a request: nothing that waits in it is ever settled.
    const put = (): Promise<void> => {
      resolve();
      return new Promise<void>(() => undefined);
    };
    const bytes_cache = { match: async () => null, put, delete: async () => undefined };
    void new Visitor({ waitUntil: () => undefined, bytes_cache }).ask(`/s/${token}/download`);
    await began;
    const visitor = new Visitor();
    visitor.ahead = 31_000;
    expect(Buffer.compare((await visitor.ask(`/s/${token}/download`)).bytes, bytes)).toBe(0);
    visitor.reset();
    expect(Buffer.compare((await visitor.ask(`/s/${token}/download`)).bytes, bytes)).toBe(0);
    expect(visitor.counts.r2).toBe(0);
  });

  test("L7: bytes that cannot be read are an error, never a short answer, and leave no entry", async () => {
    const bytes = noise(1000);
    const file = await aFile(bytes);
    const back = await drive.loseBytes(file.file_id);
    const token = await tokenOf(file);
    const visitor = new Visitor();
    const { answer } = await visitor.ask(`/s/${token}/download`);
    expect(answer.status).toBe(500);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    await back();
    expect((await visitor.ask(`/s/${token}/download`)).bytes).toEqual(bytes);
  });

  test("L4: a revoked link is dead at once where the purge reaches", async () => {
    const file = await aFile();
    const link = await drive.grant(file.file_id);
    const visitor = new Visitor();
    expect((await visitor.ask(`/s/${link.token}/download`)).answer.status).toBe(200);
    await drive.revoke(link);
    await visitor.purge(link.token as string);
    expect((await visitor.ask(`/s/${link.token}`)).answer.status).toBe(410);
    const { answer, text } = await visitor.ask(`/s/${link.token}/download`);
    expect(answer.status).toBe(410);
    expect(JSON.parse(text).code).toBe("link_revoked");
  });

  test("L4: with the purge lost it is dead within 60 s, and no answer may be kept longer", async () => {
    const link = await drive.grant((await aFile()).file_id);
    const visitor = new Visitor();
    await visitor.ask(`/s/${link.token}/download`);
    await drive.revoke(link);
    visitor.ahead = 59_000;
    const { answer } = await visitor.ask(`/s/${link.token}/download`);
    expect(answer.status).toBe(200);
    // Browsers ask each time; the CDN keeps it for what is left of the reading's 60 s, not for 60 s more.
    expect(answer.headers.get("cache-control")).toContain("max-age=0");
    const left = Number(/max-age=(\d+)/.exec(answer.headers.get("cloudflare-cdn-cache-control") ?? "")?.[1]);
    expect(left).toBeLessThanOrEqual(1);
    visitor.ahead = 60_000;
    expect((await visitor.ask(`/s/${link.token}/download`)).answer.status).toBe(410);
    expect((await visitor.ask(`/s/${link.token}`)).answer.status).toBe(410);
  });

  test("L5: after a new version, a purge of the file's links shows it at once", async () => {
    const folder = await drive.folder(crypto.randomUUID());
    const file = await drive.file("v.txt", noise(10), { parent_id: folder.file_id });
    const direct = await tokenOf(file);
    const above = await tokenOf(folder);
    const visitor = new Visitor();
    const paths = [`/s/${direct}/download`, `/s/${above}/download?file_id=${file.file_id}`];
    for (const path of paths) await visitor.ask(path);
    const next = noise(20);
    await drive.file("v.txt", next, { file_id: file.file_id });
    await visitor.purgeFiles(file.file_id);
    for (const path of paths) expect((await visitor.ask(path)).bytes).toEqual(next);
  });
});

describe("L13: what visitors and owners write never passes for what the service wrote", () => {
  /** What the service itself would keep of a link, but over a file of the victim's. */
  async function forged(token: string): Promise<{ body: Uint8Array; stolen: Uint8Array }> {
    const victim = await DriveFixture.create();
    const stolen = noise(64);
    const secret = await victim.file("secret.txt", stolen);
    const sql = "select manifest from contents where tenant_id = ?1 and content_id = ?2";
    const manifest = await victim.shard.prepare(sql).bind(victim.tenant, secret.content_id).first<string>("manifest");
    const link = {
      tenant_id: victim.tenant,
      token,
      permission_id: victim.id(),
      permission: "view",
      password_hash: null,
      max_downloads: null,
      expires_at: null,
      revoked_at: null,
      trashed: false,
      file: { ...secret, manifest },
    };
    const resolution = { link, until: Date.now() + 1_000_000, key: crypto.randomUUID() };
    return { body: new TextEncoder().encode(JSON.stringify(resolution)), stolen };
  }

  test("an attacker's file is no reading of a link, however its bytes are called", async () => {
    const visitor = new Visitor();
    const { body, stolen } = await forged(newShareToken(drive.tenant));
    const file = await aFile(body);
    const mine = await visitor.ask(`/s/${await tokenOf(file)}/download`);
    expect(mine.bytes).toEqual(body);
    const [tenant, version] = [drive.tenant, file.version_id];
    for (const path of [`${tenant}/${version}`, `bytes/${tenant}/${version}`, `link/../bytes/${tenant}/${version}`])
      for (const up of ["..%2F", "%2E%2E%2F", "..%5C", "%252E%252E%252F", "..%2F..%2F", ".%2F..%2F"])
        for (const tail of ["", "/download"]) {
          const asked = `/s/${up}${path.replaceAll("/", "%2F")}${tail}`;
          const { answer, bytes } = await visitor.ask(asked);
          expect(answer.status, asked).toBe(404);
          expect(bytes).not.toEqual(stolen);
        }
  });

  test("an entry that is no reading, or that of another link, is a miss", async () => {
    const cache = new CacheApi("edgedrive-links");
    const bytes = noise(50);
    const token = await tokenOf(await aFile(bytes));
    const other = await forged(newShareToken(drive.tenant));
    const kept = { headers: { "cache-control": "max-age=60" } };
    for (const body of [new TextEncoder().encode('{"link":1}'), new TextEncoder().encode("no JSON"), other.body]) {
      await cache.put(["link", token], new Response(Uint8Array.from(body), kept));
      expect((await new Visitor().ask(`/s/${token}/download`)).bytes).toEqual(bytes);
    }
  });

  test("what names files and pages is checked as tokens are", async () => {
    const folder = await drive.folder(crypto.randomUUID());
    const names = ["..", "../../x", "a/../b"].map((text) => encodeURIComponent(text));
    const token = await tokenOf(folder);
    await drive.file("a.txt", noise(10), { parent_id: folder.file_id });
    const visitor = new Visitor();
    for (const name of names) {
      for (const path of [`/download?file_id=${name}`, `/contents?folder_id=${name}`, `?folder_id=${name}`])
        expect((await visitor.ask(`/s/${token}${path}`)).answer.status, path).toBe(400);
      // A cursor is a name: any text is one.
      for (let again = 0; again < 2; again++) {
        const page = await visitor.ask(`/s/${token}/contents?cursor=${name}`);
        expect(JSON.parse(page.text).items.map((item: { name: string }) => item.name)).toEqual(
          decodeURIComponent(name) < "a.txt" ? ["a.txt"] : [],
        );
      }
    }
  });
});

describe("shared folders", () => {
  test("L6: lists what is in it, in pages, never what is trashed", async () => {
    const folder = await drive.folder(crypto.randomUUID());
    const inner = await drive.folder("inner", folder.file_id);
    const names = ["a.txt", "b.txt", "c.txt"];
    for (const name of names) await drive.file(name, noise(10), { parent_id: folder.file_id });
    const gone = await drive.file("gone.txt", noise(10), { parent_id: folder.file_id });
    await drive.run({ op: "trash", file_id: gone.file_id });
    const token = await tokenOf(folder);
    const visitor = new Visitor();
    const all = JSON.parse((await visitor.ask(`/s/${token}/contents`)).text);
    expect(all.items.map((f: { name: string }) => f.name)).toEqual([...names, "inner"]);
    expect(all.next_cursor).toBeNull();
    const first = JSON.parse((await visitor.ask(`/s/${token}/contents?limit=3`)).text);
    expect(first.items.length).toBe(3);
    const rest = JSON.parse((await visitor.ask(`/s/${token}/contents?limit=3&cursor=${first.next_cursor}`)).text);
    expect(rest.items.map((f: { name: string }) => f.name)).toEqual(["inner"]);
    const page = await visitor.ask(`/s/${token}`);
    expect(page.text).toContain(`/s/${token}?folder_id=${inner.file_id}`);
    expect(page.text).not.toContain("gone.txt");
    visitor.reset();
    await visitor.ask(`/s/${token}/contents`);
    expect(visitor.counts.d1).toBe(0);
  });

  test("L6: a folder below opens with the way back, which ends at the share", async () => {
    const secret = await drive.folder(`secret ${crypto.randomUUID()}`);
    const shared = await drive.folder("shared", secret.file_id);
    const inner = await drive.folder("inner", shared.file_id);
    const file = await drive.file("deep.txt", noise(77), { parent_id: inner.file_id });
    const token = await tokenOf(shared);
    const { text } = await new Visitor().ask(`/s/${token}?folder_id=${inner.file_id}`);
    expect(text).toContain(`/s/${token}?folder_id=${shared.file_id}`);
    expect(text).toContain("deep.txt");
    expect(text).not.toContain("secret");
    const { bytes } = await new Visitor().ask(`/s/${token}/download?file_id=${file.file_id}`);
    expect(bytes.length).toBe(77);
  });

  test("L6: what lies outside the share, or in another tenant, is 404 by every path", async () => {
    const other = await DriveFixture.create();
    const foreign = await other.file("foreign.txt", noise(10));
    const outside = await aFile();
    const shared = await drive.folder(crypto.randomUUID());
    const token = await tokenOf(shared);
    const trashed = await drive.file("t.txt", noise(10), { parent_id: shared.file_id });
    await drive.run({ op: "trash", file_id: trashed.file_id });
    const visitor = new Visitor();
    for (const id of [foreign.file_id, outside.file_id, drive.root, trashed.file_id])
      for (const path of [`/download?file_id=${id}`, `/contents?folder_id=${id}`, `?folder_id=${id}`])
        expect((await visitor.ask(`/s/${token}${path}`)).answer.status).toBe(404);
    expect((await visitor.ask(`/s/${token}/download`)).answer.status).toBe(409);
    expect((await visitor.ask(`/s/${token}/download?file_id=nonsense`)).answer.status).toBe(400);
    expect((await visitor.ask(`/s/${await tokenOf(outside)}/contents`)).answer.status).toBe(409);
  });
});
