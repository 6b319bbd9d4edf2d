/** Whatever is malformed gets a 4xx problem with a stable code, and nothing anywhere has changed by it. */
import { beforeAll, describe, it } from "vitest";
import type { File } from "../../../core/protocol/files.ts";
import { expectProblem, expectRefused, type User } from "../../support/workerd/api.ts";
import { makeWorld, refuses, type Request } from "../../support/workerd/refusals.ts";

let child: File;
let file: File;
let folder: File;
let other: User;
let user: User;

beforeAll(async () => {
  ({ child, file, folder, other, user } = await makeWorld());
});

describe("the tree", () => {
  const move = (id: string, parent_id: string): Request => ["PATCH", `files/${id}`, { json: { parent_id } }];
  refuses(
    () => user,
    [
      ["a folder into itself", 409, "cannot_move_into_itself", () => move(folder.file_id, folder.file_id)],
      ["a folder into what lies in it", 409, "cannot_move_into_itself", () => move(folder.file_id, child.file_id)],
      [
        "a copy of a folder into what lies in it",
        409,
        "cannot_move_into_itself",
        () => ["POST", `files/${folder.file_id}/copy`, { json: { parent_id: child.file_id } }],
      ],
      ["under a file", 409, "not_a_folder", () => move(folder.file_id, file.file_id)],
      [
        "a folder under a file",
        409,
        "not_a_folder",
        () => ["POST", "folders", { json: { parent_id: file.file_id, name: "x" } }],
      ],
      [
        "a file under a file",
        409,
        "not_a_folder",
        () => ["POST", `files/upload?name=x&parent_id=${file.file_id}`, { body: "x" }],
      ],
      [
        "a session under a file",
        409,
        "not_a_folder",
        () => ["POST", "files/upload", { json: { parent_id: file.file_id, name: "x", size: 1 } }],
      ],
      ["the root to trash", 409, "root_is_fixed", () => ["DELETE", `files/${user.id}`]],
      ["the root renamed", 409, "root_is_fixed", () => ["PATCH", `files/${user.id}`, { json: { name: "New" } }]],
      ["the root moved", 409, "root_is_fixed", () => move(user.id, folder.file_id)],
      ["the root copied", 409, "root_is_fixed", () => ["POST", `files/${user.id}/copy`, { json: {} }]],
      ["the contents of a file", 409, "not_a_folder", () => ["GET", `folders/${file.file_id}/contents`]],
      ["the bytes of a folder", 409, "not_a_file", () => ["GET", `files/${folder.file_id}/download`]],
      ["a version of a folder", 409, "not_a_file", () => ["PUT", `files/${folder.file_id}`, { body: "x" }]],
      ["back from no trash", 409, "not_trashed", () => ["POST", `files/${file.file_id}/untrash`]],
      ["for good what is not in the trash", 409, "not_trashed", () => ["DELETE", `trash/${file.file_id}`]],
      [
        "the current version for good",
        403,
        "forbidden",
        () => ["DELETE", `files/${file.file_id}/versions/${file.version_id}`],
      ],
      [
        "If-Match of another version",
        412,
        "precondition_failed",
        () => ["PUT", `files/${file.file_id}`, { body: "x", headers: { "if-match": `"${child.file_id}"` } }],
      ],
      [
        "If-Match that is no entity tag of ours",
        412,
        "precondition_failed",
        () => ["PATCH", `files/${file.file_id}`, { json: { name: "x" }, headers: { "if-match": "rubbish" } }],
      ],
      [
        "a range that the file does not have",
        416,
        "range_not_satisfiable",
        () => ["GET", `files/${file.file_id}/download`, { headers: { range: "bytes=12-" } }],
      ],
    ],
  );

  it("what is trashed, by itself or with its folder, is gone but for the trash: 410 trashed", async () => {
    const place = await user.folder("Bin");
    const inside = await user.file("inside.txt", "inside", place.file_id);
    await user.ok("DELETE", `files/${place.file_id}`);
    const requests: Request[] = [
      ["GET", `files/${inside.file_id}`],
      ["GET", `files/${inside.file_id}/download`],
      ["PUT", `files/${inside.file_id}`, { body: "x" }],
      ["PATCH", `files/${inside.file_id}`, { json: { name: "x" } }],
      ["DELETE", `files/${inside.file_id}`],
      ["DELETE", `files/${place.file_id}`],
      ["GET", `folders/${place.file_id}/contents`],
      ["POST", "folders", { json: { parent_id: place.file_id, name: "x" } }],
      ["POST", `files/upload?name=x&parent_id=${place.file_id}`, { body: "x" }],
      move(file.file_id, place.file_id),
    ];
    for (const request of requests) await expectRefused(user, 410, "trashed", ...request);
    const theirs = await other.ask("GET", `files/${inside.file_id}`);
    expectProblem(theirs, 404, "not_found");
  });
});
