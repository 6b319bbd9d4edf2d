/** Thumbnails and previews over HTTP. docs/spec/previews.md. */
import { beforeAll, describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import { readHeader } from "../../core/previews/header.ts";
import { expectProblem, newUser, text, type User } from "../support/workerd/api.ts";
import { fixtures } from "../support/workerd/fixtures.ts";
import { Pipeline } from "../support/workerd/pipeline.ts";

let owner: User;
let stranger: User;
let photo: File;

const PHOTO = fixtures["upright-phone.jpg"] as Uint8Array<ArrayBuffer>;

async function settle(): Promise<void> {
  const pipeline = new Pipeline();
  pipeline.wake({ tenant: tenantOf(owner.id), root: owner.id });
  await pipeline.drain();
}

beforeAll(async () => {
  [owner, stranger] = [await newUser(), await newUser()];
  photo = await owner.file("photo.jpg", PHOTO);
});

it("P5: 202 while it is being made, then the picture in the size that was asked for, upright", async () => {
  const pending = await owner.ask("GET", `files/${photo.file_id}/thumbnail`);
  expect([pending.status, pending.headers.get("retry-after"), pending.headers.get("cache-control")]).toEqual([
    202,
    "2",
    "no-store",
  ]);
  await settle();
  const edges = { s: [85, 128], m: [341, 512], l: [600, 900] } as const;
  for (const [size, [width, height]] of Object.entries(edges)) {
    const { status, headers, bytes } = await owner.ask("GET", `files/${photo.file_id}/thumbnail?size=${size}`);
    expect([status, headers.get("content-type")]).toEqual([200, "image/webp"]);
    expect(headers.get("cache-control")).toContain("private");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(readHeader(bytes)).toEqual({ format: "webp", width, height });
  }
  expect((await owner.ask("GET", `files/${photo.file_id}/preview`)).headers.get("content-type")).toBe("image/webp");
});

it("P5: a tag that still holds answers 304; a new version has another one", async () => {
  await settle();
  const path = `files/${photo.file_id}/thumbnail?size=s`;
  const etag = (await owner.ask("GET", path)).headers.get("etag") as string;
  const again = await owner.ask("GET", path, { headers: { "if-none-match": etag } });
  expect([again.status, again.bytes.length]).toEqual([304, 0]);
  await owner.ok("PUT", `files/${photo.file_id}`, { body: fixtures["progressive.jpg"] as Uint8Array<ArrayBuffer> });
  await settle();
  const next = await owner.ask("GET", path, { headers: { "if-none-match": etag } });
  expect(next.status).toBe(200);
  expect(next.headers.get("etag")).not.toBe(etag);
});

describe("P1: what has no preview says so", () => {
  it.for([
    ["data.bin", text("\u0001\u0002")],
    ["drawing.svg", text("<svg/>")],
    ["empty.jpg", new Uint8Array()],
  ] as const)("%s", async ([name, bytes]) => {
    const file = await owner.file(name, bytes);
    expectProblem(await owner.ask("GET", `files/${file.file_id}/thumbnail`), 404, "no_preview");
    expectProblem(await owner.ask("GET", `files/${file.file_id}/preview`), 404, "no_preview");
  });

  it("a folder", async () => {
    expectProblem(await owner.ask("GET", `files/${owner.id}/thumbnail`), 404, "no_preview");
  });

  it("a picture that turned out to be none", async () => {
    const file = await owner.file("bad.jpg", text("not a picture at all, whatever its name says"));
    await settle();
    expectProblem(await owner.ask("GET", `files/${file.file_id}/thumbnail`), 404, "no_preview");
  });
});

describe("P8: a text is shown as plain text", () => {
  it.for([
    ["page.html", text("<script>alert(1)</script>")],
    ["latin.txt", new Uint8Array([0x47, 0x72, 0xfc, 0x6e])],
  ] as const)("%s", async ([name, bytes]) => {
    const file = await owner.file(name, bytes);
    const answer = await owner.ask("GET", `files/${file.file_id}/preview`);
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("content-security-policy")).toContain("sandbox");
    expect(new TextDecoder().decode(answer.bytes)).toMatch(/^(<script>|Grün)/);
  });

  it("its first 256 KiB", async () => {
    const file = await owner.file("large.txt", text("0123456789".repeat(40_000)));
    expect((await owner.ask("GET", `files/${file.file_id}/preview`)).bytes.length).toBe(256 * 1024);
  });
});

describe("who may not read the file may not see its picture", () => {
  it.for(["thumbnail", "preview"])("%s", async (kind) => {
    expectProblem(await stranger.ask("GET", `files/${photo.file_id}/${kind}`), 404, "not_found");
  });

  it("a trashed one is gone", async () => {
    const file = await owner.file("trashed.jpg", PHOTO);
    await owner.ask("DELETE", `files/${file.file_id}`);
    expectProblem(await owner.ask("GET", `files/${file.file_id}/thumbnail`), 410, "trashed");
  });

  it("a size that there is not", async () => {
    expectProblem(await owner.ask("GET", `files/${photo.file_id}/thumbnail?size=xl`), 400, "invalid_request");
  });
});
