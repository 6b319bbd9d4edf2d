import { beforeAll, describe, expect, test } from "vitest";
import type { PermissionRow } from "../../core/files/model.ts";
import { scryptPasswords } from "../../platform/crypto/passwords.ts";
import { DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Visitor } from "../../test/support/workerd/visitor.ts";

const bytes = noise(200_000);
let drive: DriveFixture;
let password_hash: string;
beforeAll(async () => {
  drive = await DriveFixture.create();
  password_hash = await scryptPasswords.hash("open sesame");
});

const share = async (fields: Partial<PermissionRow>): Promise<PermissionRow> => {
  const file = await drive.file(`${crypto.randomUUID()}.jpg`, bytes, { mime_type: "image/jpeg" });
  return drive.grant(file.file_id, fields);
};

const form = (password: string, address = "192.0.2.1"): RequestInit => {
  const body = new URLSearchParams({ password }).toString();
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": String(body.length),
    "cf-connecting-ip": address,
  };
  return { method: "POST", body, headers };
};

describe("links with a limit", () => {
  test("L9: 24 at once through a limit of 5: exactly 5 get the bytes, whole", async () => {
    const { token } = await share({ max_downloads: 5 });
    const visitors = Array.from({ length: 24 }, () => new Visitor());
    const answers = await Promise.all(visitors.map((visitor) => visitor.ask(`/s/${token}/download`)));
    const served = answers.filter(({ answer }) => answer.status === 200);
    expect(served.length).toBe(5);
    for (const { bytes: got } of served) expect(Buffer.compare(got, bytes)).toBe(0);
    const refused = answers.filter(({ answer }) => answer.status === 410);
    expect(refused.length).toBe(19);
    expect(JSON.parse(refused[0]!.text).code).toBe("download_limit_reached");
    const page = await new Visitor().ask(`/s/${token}`);
    expect(page.answer.status).toBe(410);
    expect(page.text).toContain("This link is used up");
  });

  test("L9: a download counts once: ranges and resume for an hour by its ticket, not longer, not for others", async () => {
    const { token } = await share({ max_downloads: 1 });
    const path = `/s/${token}/download`;
    const visitor = new Visitor();
    const first = await visitor.ask(path, { headers: { range: "bytes=0-99999" } });
    expect(first.answer.status).toBe(206);
    const cookie = first.answer.headers.get("set-cookie") as string;
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Lax/);
    expect(cookie).toContain(`Path=/s/${token}`);
    const rest = await visitor.ask(path, { headers: { range: "bytes=100000-" } });
    expect(Buffer.compare(rest.bytes, bytes.slice(100_000))).toBe(0);
    expect((await new Visitor().ask(path)).answer.status).toBe(410);
    visitor.ahead = 3_600_000;
    expect((await visitor.ask(path)).answer.status).toBe(410);
  });

  test("L9: what sends no bytes counts nothing: page, HEAD, 304, 412, 416", async () => {
    const { token } = await share({ max_downloads: 1 });
    const path = `/s/${token}/download`;
    const visitor = new Visitor();
    const page = await visitor.ask(`/s/${token}`);
    expect(page.answer.status).toBe(200);
    expect(page.text).not.toContain("<img");
    const head = await visitor.ask(path, { method: "HEAD" });
    const etag = head.answer.headers.get("etag") as string;
    expect((await visitor.ask(path, { headers: { "if-none-match": etag } })).answer.status).toBe(304);
    expect((await visitor.ask(path, { headers: { "if-match": '"no"' } })).answer.status).toBe(412);
    expect((await visitor.ask(path, { headers: { range: "bytes=900000-" } })).answer.status).toBe(416);
    expect((await visitor.ask(path)).answer.status).toBe(200);
  });

  test("L9: a download whose bytes cannot be read is not counted", async () => {
    const { token, file_id } = await share({ max_downloads: 1 });
    const path = `/s/${token}/download`;
    const back = await drive.loseBytes(file_id);
    expect((await new Visitor().ask(path)).answer.status).toBe(500);
    await back();
    expect((await new Visitor().ask(path)).answer.status).toBe(200);
  });

  test("L9: in a shared folder each file counts, and a ticket is for its file", async () => {
    const folder = await drive.folder(crypto.randomUUID());
    const [a, b] = [
      await drive.file("a", bytes, { parent_id: folder.file_id }),
      await drive.file("b", bytes, { parent_id: folder.file_id }),
    ];
    const { token } = await drive.grant(folder.file_id, { max_downloads: 1 });
    const visitor = new Visitor();
    expect((await visitor.ask(`/s/${token}/download?file_id=${a.file_id}`)).answer.status).toBe(200);
    expect((await visitor.ask(`/s/${token}/download?file_id=${a.file_id}`)).answer.status).toBe(200);
    expect((await visitor.ask(`/s/${token}/download?file_id=${b.file_id}`)).answer.status).toBe(410);
  });

  test("L9: a forged or foreign ticket is no ticket", async () => {
    const one = await share({ max_downloads: 1 });
    const two = await share({ max_downloads: 1 });
    const visitor = new Visitor();
    const { answer } = await visitor.ask(`/s/${one.token}/download`);
    const ticket = (answer.headers.get("set-cookie") as string).split(";")[0] as string;
    const value = ticket.slice(ticket.indexOf("=") + 1);
    await new Visitor().ask(`/s/${two.token}/download`);
    for (const cookie of [`ticket-${two.file_id}=${value}`, `ticket-${two.file_id}=${value}x`, `${ticket}`]) {
      const again = await new Visitor().ask(`/s/${two.token}/download`, { headers: { cookie }, cookies: false });
      expect(again.answer.status).toBe(410);
    }
  });
});

describe("links with a password", () => {
  test("L10: page, bytes and list are closed until the password is given; then one cookie opens this link only", async () => {
    const { token } = await share({ password_hash });
    const other = await share({ password_hash });
    const visitor = new Visitor();
    const closed = await visitor.ask(`/s/${token}`);
    expect(closed.answer.status).toBe(401);
    expect(closed.text).toContain('type="password"');
    expect(closed.text).not.toContain(".jpg");
    for (const path of ["download", "contents"])
      expect((await visitor.ask(`/s/${token}/${path}`)).answer.status).toBe(401);

    const wrong = await visitor.ask(`/s/${token}`, form("open"));
    expect(wrong.answer.status).toBe(401);
    expect(wrong.text).toContain("That is not the password");
    const right = await visitor.ask(`/s/${token}`, form("open sesame"));
    expect(right.answer.status).toBe(303);
    expect(right.answer.headers.get("location")).toBe(`/s/${token}`);
    const cookie = right.answer.headers.get("set-cookie") as string;
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/Secure/);
    expect(cookie).toContain(`Path=/s/${token}`);
    expect(cookie).not.toContain("sesame");
    expect((await visitor.ask(`/s/${token}`)).answer.status).toBe(200);
    expect(Buffer.compare((await visitor.ask(`/s/${token}/download`)).bytes, bytes)).toBe(0);
    expect((await visitor.ask(`/s/${other.token}`)).answer.status).toBe(401);
    visitor.ahead = 3_600_000;
    expect((await visitor.ask(`/s/${token}`)).answer.status).toBe(401);
  });

  test("L10: guesses are slowed per address, also in parallel; another address is not", async () => {
    const { token } = await share({ password_hash });
    const tries = Array.from({ length: 30 }, () => new Visitor().ask(`/s/${token}`, form("guess", "192.0.2.9")));
    const answers = await Promise.all(tries);
    const limited = answers.filter(({ answer }) => answer.status === 429);
    expect(limited.length).toBe(10);
    expect(Number(limited[0]!.answer.headers.get("retry-after"))).toBeGreaterThan(0);
    const blocked = await new Visitor().ask(`/s/${token}`, form("open sesame", "192.0.2.9"));
    expect(blocked.answer.status).toBe(429);
    const other = await new Visitor().ask(`/s/${token}`, form("open sesame", "192.0.2.10"));
    expect(other.answer.status).toBe(303);
  }, 30_000);

  test("L10: a form that is too large, or none, is refused before any work", async () => {
    const { token } = await share({ password_hash });
    const large = await new Visitor().ask(`/s/${token}`, form("x".repeat(5000)));
    expect(large.answer.status).toBe(413);
    const none = await new Visitor().ask(`/s/${token}`, {
      method: "POST",
      body: "x=1",
      headers: { "content-length": "3" },
    });
    expect(none.answer.status).toBe(400);
  });

  test("L11: nothing of a guarded link is kept anywhere, and a revoked one is dead at once without any purge", async () => {
    const link = await share({ password_hash });
    const visitor = new Visitor();
    await visitor.ask(`/s/${link.token}`, form("open sesame"));
    for (const path of ["", "/download"]) {
      const { answer } = await visitor.ask(`/s/${link.token}${path}`);
      expect(answer.headers.get("cache-control")).toContain("no-store");
      expect(answer.headers.get("cloudflare-cdn-cache-control")).toBeNull();
    }
    visitor.reset();
    await visitor.ask(`/s/${link.token}/download`);
    expect(visitor.counts.r2).toBe(1);
    await drive.revoke(link);
    expect((await visitor.ask(`/s/${link.token}/download`)).answer.status).toBe(410);
  });
});
