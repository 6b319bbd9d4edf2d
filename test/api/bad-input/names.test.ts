/** Whatever is malformed gets a 4xx problem with a stable code, and nothing anywhere has changed by it. */
import { beforeAll, describe, expect, it } from "vitest";
import type { File } from "../../../core/protocol/files.ts";
import { expectRefused, type User } from "../../support/workerd/api.ts";
import { makeWorld, type Request } from "../../support/workerd/refusals.ts";

let file: File;
let folder: File;
let user: User;

beforeAll(async () => {
  ({ file, folder, user } = await makeWorld());
});

const badNames: [string, string][] = [
  ["empty", ""],
  ["256 bytes", "x".repeat(256)],
  ["256 bytes in 128 characters", "é".repeat(128)],
  ["a slash", "a/b"],
  ["a backslash", "a\\b"],
  ["NUL", "a\0b"],
  ["a line feed", "a\nb"],
  ["an escape", "a\u001bb"],
  ["DEL", "a\u007fb"],
  ["a C1 control", "a\u0085b"],
  ["a dot", "."],
  ["two dots", ".."],
];

describe("names", () => {
  const ways: Record<string, (name: string) => Request> = {
    folder: (name) => ["POST", "folders", { json: { parent_id: "root", name } }],
    rename: (name) => ["PATCH", `files/${file.file_id}`, { json: { name } }],
    upload: (name) => ["POST", `files/upload?${new URLSearchParams({ name })}`, { body: "x" }],
    session: (name) => ["POST", "files/upload", { json: { parent_id: "root", name, size: 1 } }],
    copy: (name) => ["POST", `files/${file.file_id}/copy`, { json: { name } }],
    "copy of a folder": (name) => ["POST", `files/${folder.file_id}/copy`, { json: { name } }],
  };
  for (const [way, request] of Object.entries(ways)) {
    it.each(badNames)(`${way}: %s`, async (_what, name) => {
      await expectRefused(user, 422, "name_invalid", ...request(name));
    });
    it(`${way}: longer than any name`, async () => {
      await expectRefused(user, 400, "invalid_request", ...request("x".repeat(1025)));
    });
  }
  it("a broken surrogate, which only JSON can carry", async () => {
    for (const way of ["folder", "rename", "session"])
      await expectRefused(user, 422, "name_invalid", ...ways[way]!("a\ud800b"));
  });

  const clashes: [string, string, string][] = [
    ["the same", "Notes.txt", "Notes.txt"],
    ["case", "Letter.txt", "LETTER.TXT"],
    ["case beyond ASCII", "ÜBER.txt", "über.txt"],
    ["Unicode form", "café.txt", "cafe\u0301.txt"],
    ["Unicode form and case", "Ångström", "A\u030angstr\u00d6m".toLowerCase()],
    ["sharp s", "Straße", "STRASSE"],
    ["final sigma", "ΟΔΟΣ", "οδος"],
  ];
  it.each(clashes)("a sibling that differs only by %s: 409 name_taken, with the holder", async (_what, held, name) => {
    const place = await user.folder(`Clash ${_what}`);
    const holder = await user.file(held, "held", place.file_id);
    const mover = await user.file(name, "moves");
    const moved = { json: { parent_id: place.file_id } };
    const loose = await user.file(`Other ${_what}`, "renamed", place.file_id);
    const requests: Request[] = [
      ["POST", "folders", { json: { parent_id: place.file_id, name } }],
      ["POST", `files/upload?${new URLSearchParams({ name, parent_id: place.file_id })}`, { body: "x" }],
      ["POST", "files/upload", { json: { parent_id: place.file_id, name, size: 1 } }],
      ["PATCH", `files/${mover.file_id}`, moved],
      ["PATCH", `files/${loose.file_id}`, { json: { name } }],
    ];
    for (const request of requests) {
      const { json } = await expectRefused(user, 409, "name_taken", ...request);
      expect(json.file_id).toBe(holder.file_id);
    }
    await user.ask("DELETE", `files/${mover.file_id}`);
  });
  it("a file may change the case of its own name", async () => {
    const own = await user.file("own name.txt", "x");
    const renamed = await user.ok<File>("PATCH", `files/${own.file_id}`, { json: { name: "Own Name.txt" } });
    expect(renamed.name).toBe("Own Name.txt");
  });
});
