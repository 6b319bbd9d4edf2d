/** RFC 9110 on `GET`/`HEAD /files/{id}/download`: sections 13 (conditions) and 14 (ranges). */
import { beforeAll, describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { type Answer, expectProblem, newUser, text, type User } from "../support/workerd/api.ts";

const BYTES = text("0123456789abcdefghijklmnopqrstuvwxyz");
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

let user: User;
let file: File;
let etag: string;
let date: string;

const get = (headers: Record<string, string> = {}, method = "GET", id = file.file_id): Promise<Answer> =>
  user.ask(method, `files/${id}/download`, { headers });

const shifted = (seconds: number): string => new Date(Date.parse(date) + seconds * 1000).toUTCString();

beforeAll(async () => {
  user = await newUser();
  file = await user.file("letters.txt", BYTES);
  etag = `"${file.version_id}"`;
  date = (await get()).headers.get("last-modified") as string;
});

const expectWhole = (answer: Answer): void => {
  expect(answer.status).toBe(200);
  expect(decode(answer.bytes)).toBe(decode(BYTES));
  expect(answer.headers.get("content-length")).toBe(String(BYTES.length));
  expect(answer.headers.get("content-range")).toBeNull();
};

const expectPart = (answer: Answer, start: number, end: number): void => {
  expect(answer.status).toBe(206);
  expect(decode(answer.bytes)).toBe(decode(BYTES.subarray(start, end + 1)));
  expect(answer.headers.get("content-range")).toBe(`bytes ${start}-${end}/${BYTES.length}`);
  expect(answer.headers.get("content-length")).toBe(String(end - start + 1));
};

describe("the whole", () => {
  it("has the headers of the contract", async () => {
    const answer = await get();
    expectWhole(answer);
    const said = Object.fromEntries(answer.headers);
    expect(said).toMatchObject({
      etag,
      "accept-ranges": "bytes",
      "content-type": "text/plain",
      "content-encoding": "identity",
      "x-content-type-options": "nosniff",
    });
    expect(Date.parse(date)).toBe(Math.floor(Date.parse(file.created_at) / 1000) * 1000);
    expect(said["cache-control"]).toContain("no-transform");
    expect(said["cache-control"]).toContain("private");
  });

  it("RFC 9530: Repr-Digest is the SHA-256 of the whole, of a part as well", async () => {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", BYTES));
    const wanted = `sha-256=:${btoa(String.fromCharCode(...digest))}:`;
    expect((await get()).headers.get("repr-digest")).toBe(wanted);
    expect((await get({ range: "bytes=3-5" })).headers.get("repr-digest")).toBe(wanted);
  });

  it.each([
    ["naïve café.txt", /filename\*=UTF-8''na%C3%AFve%20caf%C3%A9\.txt/],
    ["日本語 📁.txt", /filename\*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E%20%F0%9F%93%81\.txt/],
    ["plain.txt", /filename="?plain\.txt"?$/],
    ["semi;colon's, %41.txt", /filename="semi;colon's, %41\.txt"/],
  ])("RFC 6266: Content-Disposition carries the name %s", async (name, wanted) => {
    const { file_id } = await user.file(name, "x");
    const header = (await get({}, "GET", file_id)).headers.get("content-disposition") as string;
    expect(header).toMatch(wanted);
    expect(header).toMatch(/^inline/);
    // Only what every client can read may stand in a header.
    expect(header).toMatch(/^[\x20-\x7e]*$/);
  });

  it.each(["page.html", "picture.svg", "script.js", "program.bin"])(
    "%s is an attachment: it could run something",
    async (name) => {
      const { file_id } = await user.file(name, "<script>alert(1)</script>");
      const { headers } = await get({}, "GET", file_id);
      expect(headers.get("content-disposition")).toMatch(/^attachment/);
      expect(headers.get("content-security-policy")).toContain("sandbox");
    },
  );

  it("an empty file has an empty body and length 0", async () => {
    const { file_id } = await user.file("empty.txt", "");
    const answer = await get({}, "GET", file_id);
    expect([answer.status, answer.bytes.length, answer.headers.get("content-length")]).toEqual([200, 0, "0"]);
    expect(answer.headers.get("repr-digest")).toBe("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
  });
});

describe("14.2: ranges", () => {
  it.each([
    ["bytes=0-0", 0, 0],
    ["bytes=3-9", 3, 9],
    ["bytes=30-", 30, 35],
    ["bytes=-5", 31, 35],
    ["bytes=-1000", 0, 35],
    ["bytes=30-1000", 30, 35],
    ["BYTES=3-9", 3, 9],
    ["bytes= 3-9", 3, 9],
  ])("%s", async (range, start, end) => expectPart(await get({ range }), start, end));

  it.each([
    ["S11: several ranges get the whole", "bytes=0-1,4-5"],
    ["S11: several ranges with spaces", "bytes=0-1, 5-6"],
    ["another unit is ignored", "lines=1-2"],
    ["no number", "bytes=abc"],
    ["nothing", "bytes="],
    ["no unit", "0-5"],
    ["last before first", "bytes=9-3"],
    ["both empty", "bytes=-"],
    ["not decimal", "bytes=0x1-5"],
    ["a negative", "bytes=--5"],
    ["rubbish behind it", "bytes=1-2x"],
  ])("%s: %s", async (_why, range) => expectWhole(await get({ range })));

  it.each(["bytes=36-", "bytes=36-40", "bytes=99999999999999999999-", "bytes=-0"])(
    "15.5.17: %s is 416, and says how long the file is",
    async (range) => {
      const answer = await get({ range });
      expectProblem(answer, 416, "range_not_satisfiable");
      expect(answer.headers.get("content-range")).toBe(`bytes */${BYTES.length}`);
    },
  );

  it("an empty file satisfies no range", async () => {
    const { file_id } = await user.file("nothing.txt", "");
    const answer = await get({ range: "bytes=0-" }, "GET", file_id);
    expectProblem(answer, 416, "range_not_satisfiable");
    expect(answer.headers.get("content-range")).toBe("bytes */0");
  });

  it("a range in the middle of a file of several segments has the right bytes", async () => {
    const size = 17 * 1024 * 1024 + 3;
    const large = new Uint8Array(size);
    for (let at = 0; at < size; at += 4) new DataView(large.buffer).setUint32(Math.min(at, size - 4), at * 2654435761);
    const { file_id } = await user.file("large.bin", large);
    const start = 8 * 1024 * 1024 - 2;
    const end = 16 * 1024 * 1024 + 5;
    const answer = await get({ range: `bytes=${start}-${end}` }, "GET", file_id);
    expect(answer.status).toBe(206);
    expect(indexOfDifference(answer.bytes, large.subarray(start, end + 1))).toBe(-1);
  });
});

/** -1 when equal: `toEqual` on megabytes takes minutes. */
function indexOfDifference(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  return a.findIndex((byte, i) => byte !== b[i]);
}

describe("13.1.5: If-Range", () => {
  const range = "bytes=3-9";
  it("the current entity tag: the part", async () => expectPart(await get({ range, "if-range": etag }), 3, 9));
  it("the current date: the part", async () => expectPart(await get({ range, "if-range": date }), 3, 9));
  it.each([
    ["another entity tag", () => '"another"'],
    ["a weak entity tag, even of this version", () => `W/${etag}`],
    ["an earlier date", () => shifted(-10)],
    ["a later date", () => shifted(10)],
    ["rubbish", () => "rubbish"],
  ])("%s: the whole", async (_name, value) => expectWhole(await get({ range, "if-range": value() })));
  it("does not make an unsatisfiable range an error when the file has changed", async () =>
    expectWhole(await get({ range: "bytes=100-", "if-range": '"another"' })));
});

describe("13.1.2: If-None-Match", () => {
  it.each([
    ["the entity tag", () => etag],
    ["a list that has it", () => `"a", ${etag}, "b"`],
    ["it as a weak one", () => `W/${etag}`],
    ["*", () => "*"],
  ])("%s: 304 without a body", async (_name, value) => {
    for (const method of ["GET", "HEAD"]) {
      const answer = await get({ "if-none-match": value() }, method);
      expect([answer.status, answer.bytes.length]).toEqual([304, 0]);
      expect(answer.headers.get("etag")).toBe(etag);
      expect(answer.headers.get("cache-control")).toContain("no-transform");
    }
  });
  it("others: the whole", async () => expectWhole(await get({ "if-none-match": '"a", W/"b"' })));
  it("13.2.2: goes before If-Modified-Since", async () =>
    expectWhole(await get({ "if-none-match": '"a"', "if-modified-since": shifted(60) })));
  it("13.2.2: goes before Range", async () =>
    expect((await get({ "if-none-match": etag, range: "bytes=100-" })).status).toBe(304));
});

describe("13.1.1 and 13.1.4: If-Match, If-Unmodified-Since", () => {
  it.each([() => etag, () => `"a", ${etag}`, () => "*"])("a match goes on (%#)", async (value) =>
    expectWhole(await get({ "if-match": value() })),
  );
  it.each([() => '"another"', () => `W/${etag}`])("no strong match: 412 (%#)", async (value) =>
    expectProblem(await get({ "if-match": value() }), 412, "precondition_failed"),
  );
  it("unmodified since a later time goes on, since an earlier one: 412", async () => {
    expectWhole(await get({ "if-unmodified-since": shifted(1) }));
    expectProblem(await get({ "if-unmodified-since": shifted(-60) }), 412, "precondition_failed");
  });
  it("If-Match goes before If-Unmodified-Since", async () =>
    expectWhole(await get({ "if-match": etag, "if-unmodified-since": shifted(-60) })));
});

describe("13.1.3: If-Modified-Since", () => {
  it("not modified since: 304", async () => {
    for (const value of [date, shifted(60)]) expect((await get({ "if-modified-since": value })).status).toBe(304);
  });
  it("modified since, or no date: the whole", async () => {
    for (const value of [shifted(-60), "yesterday"]) expectWhole(await get({ "if-modified-since": value }));
  });
});

describe("9.3.2: HEAD", () => {
  it("has the headers of GET and no body", async () => {
    const [head, whole] = [await get({}, "HEAD"), await get()];
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    const same = ["etag", "content-length", "content-type", "content-disposition", "repr-digest", "last-modified"];
    for (const name of same) expect(head.headers.get(name), name).toBe(whole.headers.get(name));
  });
  it("ignores Range", async () => {
    for (const range of ["bytes=3-9", "bytes=100-"]) {
      const head = await get({ range }, "HEAD");
      expect([head.status, head.headers.get("content-length")]).toEqual([200, String(BYTES.length)]);
      expect(head.headers.get("content-range")).toBeNull();
    }
  });
});

describe("versions", () => {
  it("each has its own entity tag and bytes, the file's address those of the newest", async () => {
    const first = await user.file("versions.txt", "one");
    const second = await user.ok<File>("PUT", `files/${first.file_id}`, { body: "two" });
    const newest = await get({}, "GET", first.file_id);
    expect([decode(newest.bytes), newest.headers.get("etag")]).toEqual(["two", `"${second.version_id}"`]);
    const old = await user.ask("GET", `files/${first.file_id}/download?version_id=${first.version_id}`);
    expect([decode(old.bytes), old.headers.get("etag")]).toEqual(["one", `"${first.version_id}"`]);
  });
});
