/** Whatever is malformed gets a 4xx problem with a stable code, and nothing anywhere has changed by it. */
import { beforeAll, describe, expect, it } from "vitest";
import type { File } from "../../../core/protocol/files.ts";
import { type Answer, everything, type User } from "../../support/workerd/api.ts";
import { makeWorld, type Request } from "../../support/workerd/refusals.ts";

let file: File;
let other: User;
let user: User;

beforeAll(async () => {
  ({ file, other, user } = await makeWorld());
});

describe("idempotency keys", () => {
  const key = (value: string) => ({ "idempotency-key": value });
  const makeFolder = (name: string, value: string): Request => [
    "POST",
    "folders",
    { json: { parent_id: "root", name }, headers: key(value) },
  ];

  it("the same request again has the same answer, and changes nothing", async () => {
    const made = await user.ask(...makeFolder("Once", "once"));
    const before = await everything();
    const again = await user.ask(...makeFolder("Once", "once"));
    expect([again.status, again.json]).toEqual([201, made.json]);
    const upload: Request = ["POST", "files/upload?name=once.txt", { body: "once", headers: key("once-file") }];
    expect(await everything()).toEqual(before);
    const file = await user.ask(...upload);
    const after = await everything();
    expect((await user.ask(...upload)).json).toEqual(file.json);
    expect(await everything()).toEqual(after);
  });

  it("a repeat of what moved a file to trash is answered as the first one was", async () => {
    const gone = await user.file("gone.txt", "gone");
    const request: Request = ["DELETE", `files/${gone.file_id}`, { headers: key("trash-once") }];
    await user.ok(...request);
    const before = await everything();
    await user.ok(...request);
    expect(await everything()).toEqual(before);
  });

  it("is its user's: another's same key is another key", async () => {
    const mine = await user.ask(...makeFolder("Shared key", "shared"));
    const theirs = await other.ask(...makeFolder("Shared key", "shared"));
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.json.file_id).not.toBe(mine.json.file_id);
  });

  it("for another request it is refused: 422 idempotency_key_reused", async () => {
    const made = await user.ask(...makeFolder("Reused", "reused"));
    const id = String(made.json.file_id);
    const requests: Request[] = [
      makeFolder("Another", "reused"),
      ["PATCH", `files/${id}`, { json: { name: "Renamed" }, headers: key("reused") }],
      ["PATCH", `files/${file.file_id}`, { json: { name: "Renamed" }, headers: key("reused") }],
      ["DELETE", `files/${id}`, { headers: key("reused") }],
      ["POST", "files/upload?name=reused.txt", { body: "other bytes", headers: key("reused") }],
      ["PUT", `files/${file.file_id}`, { body: "other bytes", headers: key("reused") }],
      ["POST", `files/${file.file_id}/copy`, { json: {}, headers: key("reused") }],
    ];
    const answers: [string, unknown][] = [];
    const before = await everything();
    for (const request of requests) {
      const answer: Answer = await user.ask(...request);
      answers.push([`${request[0]} ${request[1].replace(/[0-9a-f-]{36}/, "id")}`, answer.json.code ?? answer.status]);
    }
    expect(answers).toEqual(answers.map(([request]) => [request, "idempotency_key_reused"]));
    expect(await everything()).toEqual(before);
  });
});
