/** Whatever is malformed gets a 4xx problem with a stable code, and nothing anywhere has changed by it. */
import { beforeAll, describe, expect, it } from "vitest";
import type { File } from "../../../core/protocol/files.ts";
import { newShareToken, newTenantId, tenantOf } from "../../../core/protocol/ids.ts";
import { Api, expectRefused, type User } from "../../support/workerd/api.ts";
import { endless, JSON_TYPE, makeWorld, MiB, refuses, type Request } from "../../support/workerd/refusals.ts";

let file: File;
let other: User;
let user: User;

beforeAll(async () => {
  ({ file, other, user } = await makeWorld());
});

describe("requests that are not well formed", () => {
  const patch = (json: unknown): Request => ["PATCH", `files/${file.file_id}`, { json }];
  refuses(
    () => user,
    [
      ["bad JSON", 400, "invalid_request", () => ["POST", "folders", { body: "{", headers: JSON_TYPE }]],
      ["bad JSON to start an upload", 400, "invalid_request", () => ["POST", "files/upload", { body: "{" }]],
      ["no body", 400, "invalid_request", () => ["POST", "folders", { headers: JSON_TYPE }]],
      ["JSON of another type", 400, "invalid_request", () => ["POST", "folders", { json: [1, 2] }]],
      ["null", 400, "invalid_request", () => ["POST", "folders", { json: null }]],
      ["a field is missing", 400, "invalid_request", () => ["POST", "folders", { json: { name: "x" } }]],
      [
        "a field of another type",
        400,
        "invalid_request",
        () => ["POST", "folders", { json: { parent_id: "root", name: 7 } }],
      ],
      ["JSON too large", 413, "payload_too_large", () => ["POST", "folders", { json: { name: "x".repeat(2 * MiB) } }]],
      [
        "JSON too large, to start an upload",
        413,
        "payload_too_large",
        () => ["POST", "files/upload", { json: { name: "x".repeat(2 * MiB) } }],
      ],
      [
        "JSON too large, without a length",
        413,
        "payload_too_large",
        () => ["POST", "folders", { body: endless(2 * MiB), headers: JSON_TYPE }],
      ],
      [
        "JSON too large to start an upload, without a length",
        413,
        "payload_too_large",
        () => ["POST", "files/upload", { body: endless(2 * MiB), headers: JSON_TYPE }],
      ],
      ["an id that is none", 400, "invalid_request", () => ["GET", "files/7"]],
      ["an id that climbs", 400, "invalid_request", () => ["GET", "files/..%2F..%2Fme"]],
      ["an id with SQL in it", 400, "invalid_request", () => ["DELETE", "files/'%20or%201=1--"]],
      ["an unknown address", 404, "not_found", () => ["GET", "nothing"]],
      ["an unknown method", 404, "not_found", () => ["PUT", "me"]],
      ["unknown sort", 400, "invalid_request", () => ["GET", "folders/root/contents?sort=colour"]],
      ["unknown order", 400, "invalid_request", () => ["GET", "folders/root/contents?order=up"]],
      ["limit 0", 400, "invalid_request", () => ["GET", "folders/root/contents?limit=0"]],
      ["limit 1001", 400, "invalid_request", () => ["GET", "folders/root/contents?limit=1001"]],
      ["limit that is no number", 400, "invalid_request", () => ["GET", "trash?limit=many"]],
      ["limit of a fraction", 400, "invalid_request", () => ["GET", "trash?limit=1.5"]],
      ["changes: limit 1001", 400, "invalid_request", () => ["GET", "sync/changes?limit=1001"]],
      ["contents: bad cursor", 400, "cursor_invalid", () => ["GET", "folders/root/contents?cursor=!!"]],
      [
        "contents: cursor of another list",
        400,
        "cursor_invalid",
        () => ["GET", `folders/root/contents?cursor=${btoa("[1]")}`],
      ],
      [
        "contents: cursor with an object",
        400,
        "cursor_invalid",
        () => ["GET", `folders/root/contents?cursor=${btoa("[{},{}]")}`],
      ],
      ["trash: bad cursor", 400, "cursor_invalid", () => ["GET", "trash?cursor=x"]],
      ["versions: bad cursor", 400, "cursor_invalid", () => ["GET", `files/${file.file_id}/versions?cursor=x`]],
      ["activity: bad cursor", 400, "cursor_invalid", () => ["GET", "activity?cursor=x"]],
      ["changes: bad cursor", 400, "cursor_invalid", () => ["GET", "sync/changes?cursor=x"]],
      [
        "changes: cursor of negative numbers",
        400,
        "cursor_invalid",
        () => ["GET", `sync/changes?cursor=${btoa(JSON.stringify({ [user.id]: -1 }))}`],
      ],
      ["sync: no time", 400, "invalid_request", () => ["GET", "files/sync"]],
      ["sync: a time that is none", 400, "invalid_request", () => ["GET", "files/sync?last_sync=yesterday"]],
      ["a socket without an upgrade", 400, "invalid_request", () => ["GET", "sync/ws"]],
      ["a change of nothing", 400, "invalid_request", () => patch({})],
      ["metadata that nests", 400, "invalid_request", () => patch({ metadata: { a: { b: 1 } } })],
      [
        "metadata too large",
        400,
        "invalid_request",
        () => patch({ metadata: Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`k${i}`, "x".repeat(4000)])) }),
      ],
      [
        "Idempotency-Key too long",
        400,
        "invalid_request",
        () => [
          "POST",
          "folders",
          { json: { parent_id: "root", name: "Key" }, headers: { "idempotency-key": "k".repeat(101) } },
        ],
      ],
      [
        "Idempotency-Key with a space",
        400,
        "invalid_request",
        () => ["POST", "folders", { json: { parent_id: "root", name: "Key" }, headers: { "idempotency-key": "a b" } }],
      ],
      [
        "delta: too many changes",
        400,
        "invalid_request",
        () => [
          "POST",
          "sync/delta",
          {
            json: {
              device_id: user.signedIn.device_id,
              changes: Array.from({ length: 1001 }, (_, i) => ({ op_id: `${i}`, op: "trash", file_id: file.file_id })),
            },
          },
        ],
      ],
      [
        "delta: another device",
        403,
        "forbidden",
        () => [
          "POST",
          "sync/delta",
          {
            json: {
              device_id: other.signedIn.device_id,
              changes: [{ op_id: "1", op: "trash", file_id: file.file_id }],
            },
          },
        ],
      ],
    ],
  );
});

describe("accounts", () => {
  const register = (fields: Record<string, unknown>): Request => [
    "POST",
    "auth/register",
    { json: { email: "new@example.org", password: "long enough", name: "New", ...fields } },
  ];
  refuses(
    () => user,
    [
      ["no address", 400, "invalid_request", () => register({ email: "nobody" })],
      ["a password too short", 400, "invalid_request", () => register({ password: "short" })],
      ["a password too long", 400, "invalid_request", () => register({ password: "x".repeat(257) })],
      ["no name", 400, "invalid_request", () => register({ name: "  " })],
      ["an address that is taken", 409, "account_exists", () => register({ email: user.signedIn.user.email })],
      [
        "an address that is taken but for case",
        409,
        "account_exists",
        () => register({ email: user.signedIn.user.email.toUpperCase() }),
      ],
      [
        "a refresh token that is none",
        401,
        "invalid_refresh_token",
        () => ["POST", "auth/refresh", { json: { refresh_token: "a.b" } }],
      ],
      ["a device that is not mine", 404, "not_found", () => ["DELETE", `devices/${other.signedIn.device_id}`]],
    ],
  );

  it("an invite by one who is no admin", () => expectRefused(other, 403, "forbidden", "POST", "admin/invites"));

  it("a wrong password and an unknown address get the same answer", async () => {
    const login = (email: string) => ["POST", "auth/login", { json: { email, password: "wrong password" } }] as const;
    const nobody = new Api();
    const wrong = await expectRefused(nobody, 401, "invalid_credentials", ...login(user.signedIn.user.email));
    const unknown = await expectRefused(nobody, 401, "invalid_credentials", ...login("nobody@example.org"));
    expect({ ...wrong.json, request_id: "" }).toEqual({ ...unknown.json, request_id: "" });
  });
});

describe("links", () => {
  const download = (token: string): Request => ["GET", `files/${file.file_id}/download?share_token=${token}`];
  refuses(
    () => user,
    [
      ["a token that is none", 400, "invalid_request", () => download("x")],
      ["an unknown token of my tenant", 404, "not_found", () => download(newShareToken(tenantOf(user.id)))],
      ["an unknown token of no tenant", 404, "not_found", () => download(newShareToken(newTenantId()))],
    ],
  );
});
