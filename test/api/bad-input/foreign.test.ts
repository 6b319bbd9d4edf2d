/** Whatever is malformed gets a 4xx problem with a stable code, and nothing anywhere has changed by it. */
import { beforeAll, describe, expect, it } from "vitest";
import type { ErrorCode } from "../../../core/protocol/errors.ts";
import type { File } from "../../../core/protocol/files.ts";
import { newId, newTenantId, tenantOf } from "../../../core/protocol/ids.ts";
import { expectRefused, type User } from "../../support/workerd/api.ts";
import { makeWorld, type Request, ZERO_HASH } from "../../support/workerd/refusals.ts";

let file: File;
let other: User;
let user: User;

beforeAll(async () => {
  ({ file, other, user } = await makeWorld());
});

const cannotSee = (id: () => string): [string, () => Request][] => [
  ["metadata", () => ["GET", `files/${id()}`]],
  ["bytes", () => ["GET", `files/${id()}/download`]],
  ["contents", () => ["GET", `folders/${id()}/contents`]],
  ["versions", () => ["GET", `files/${id()}/versions`]],
  ["rename", () => ["PATCH", `files/${id()}`, { json: { name: "Mine" } }]],
  ["move there", () => ["PATCH", `files/${file.file_id}`, { json: { parent_id: id() } }]],
  ["a version", () => ["PUT", `files/${id()}`, { body: "mine" }]],
  [
    "a version by a session",
    () => ["POST", "files/upload", { json: { parent_id: "root", name: "x", size: 9, file_id: id() } }],
  ],
  ["trash", () => ["DELETE", `files/${id()}`]],
  ["untrash", () => ["POST", `files/${id()}/untrash`]],
  ["delete for good", () => ["DELETE", `trash/${id()}`]],
  ["copy", () => ["POST", `files/${id()}/copy`, { json: {} }]],
  ["copy there", () => ["POST", `files/${file.file_id}/copy`, { json: { parent_id: id() } }]],
  ["restore", () => ["POST", `files/${id()}/restore?version=${file.version_id}`]],
  ["delete a version", () => ["DELETE", `files/${id()}/versions/${file.version_id}`]],
  ["a folder there", () => ["POST", "folders", { json: { parent_id: id(), name: "Mine" } }]],
  ["a file there", () => ["POST", `files/upload?parent_id=${id()}&name=mine`, { body: "mine" }]],
  ["a session there", () => ["POST", "files/upload", { json: { parent_id: id(), name: "mine", size: 9 } }]],
];

const sessionOf = (id: () => string): [string, () => Request][] => [
  ["what has arrived", () => ["GET", `uploads/${id()}`]],
  ["complete", () => ["POST", `uploads/${id()}/complete`, { json: { chunks: [ZERO_HASH] } }]],
  ["cancel", () => ["DELETE", `uploads/${id()}`]],
  ["a chunk", () => ["PUT", `chunks/${ZERO_HASH}?upload_id=${id()}&index=0`, { body: "123456789" }]],
];

describe("what belongs to somebody else looks as if it did not exist", () => {
  let id: string;
  const make: Record<string, () => Promise<string>> = {
    "a foreign file": async () => (await other.file(crypto.randomUUID(), "secret")).file_id,
    "a foreign folder": async () => (await other.folder(crypto.randomUUID())).file_id,
    "a foreign session": async () => (await other.start(crypto.randomUUID(), 9)).upload_id,
  };
  const unknown = {
    "in their tenant": () => newId(tenantOf(other.id), Date.now()),
    "in mine": () => newId(tenantOf(user.id), Date.now()),
    "in no tenant": () => newId(newTenantId(), Date.now()),
  };

  async function same(request: () => Request, foreign: string, code: ErrorCode): Promise<void> {
    id = foreign;
    const theirs = await expectRefused(user, 404, code, ...request());
    for (const [where, make] of Object.entries(unknown)) {
      id = make();
      const nobodys = await user.ask(...request());
      expect({ ...nobodys.json, request_id: "" }, where).toEqual({ ...theirs.json, request_id: "" });
    }
  }

  it.each(cannotSee(() => id))("file or folder: %s", async (_name, request) => {
    for (const kind of ["a foreign file", "a foreign folder"]) await same(request, await make[kind]!(), "not_found");
  });
  it.each(sessionOf(() => id))("upload session: %s", async (_name, request) =>
    same(request, await make["a foreign session"]!(), "unknown_upload"),
  );
  it("a version of another file", async () => {
    const theirs = await other.file("Versioned.txt", "theirs");
    const path = `files/${file.file_id}/download?version_id=`;
    await expectRefused(user, 404, "not_found", "GET", path + theirs.version_id);
    await expectRefused(user, 404, "not_found", "GET", path + newId(tenantOf(user.id), Date.now()));
    await expectRefused(user, 404, "not_found", "POST", `files/${file.file_id}/restore?version=${theirs.version_id}`);
  });
});
