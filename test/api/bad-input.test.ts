/** Whatever is malformed gets a 4xx problem with a stable code, and nothing anywhere has changed by it. */
import { beforeAll, describe, expect, it } from "vitest";
import type { ErrorCode } from "../../core/protocol/errors.ts";
import type { File } from "../../core/protocol/files.ts";
import { newId, newShareToken, newTenantId, tenantOf } from "../../core/protocol/ids.ts";
import {
  type Answer,
  Api,
  type Ask,
  everything,
  expectProblem,
  expectRefused,
  newUser,
  sha256,
  shardOf,
  text,
  type User,
} from "../support/workerd/api.ts";

type Request = [method: string, path: string, ask?: Ask];
type Case = [name: string, status: number, code: ErrorCode, request: () => Request];

const ZERO_HASH = "0".repeat(64);
const MiB = 1024 * 1024;

let user: User;
let other: User;
let file: File;
let folder: File;
let child: File;

beforeAll(async () => {
  user = await newUser();
  other = await newUser();
  file = await user.file("Report.txt", "twelve bytes");
  folder = await user.folder("Folder");
  child = await user.folder("Child", folder.file_id);
});

const refuses = (cases: Case[]): void => {
  it.each(cases)("%s: %i %s", async (_name, status, code, request) => {
    await expectRefused(user, status, code, ...request());
  });
};

describe("requests that are not well formed", () => {
  const patch = (json: unknown): Request => ["PATCH", `files/${file.file_id}`, { json }];
  refuses([
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
          json: { device_id: other.signedIn.device_id, changes: [{ op_id: "1", op: "trash", file_id: file.file_id }] },
        },
      ],
    ],
  ]);
});

const JSON_TYPE = { "content-type": "application/json" };

/** A body that does not say how long it is. */
const endless = (length: number): ReadableStream<Uint8Array> => {
  let left = length;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const size = Math.min(left, 65_536);
      if (size === 0) {
        controller.close();
        controller.byobRequest?.respond(0);
        return;
      }
      left -= size;
      controller.enqueue(new Uint8Array(size).fill(0x20));
    },
  });
};

describe("accounts", () => {
  const register = (fields: Record<string, unknown>): Request => [
    "POST",
    "auth/register",
    { json: { email: "new@example.org", password: "long enough", name: "New", ...fields } },
  ];
  refuses([
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
  ]);

  it("an invite by one who is no admin", () => expectRefused(other, 403, "forbidden", "POST", "admin/invites"));

  it("a wrong password and an unknown address get the same answer", async () => {
    const login = (email: string) => ["POST", "auth/login", { json: { email, password: "wrong password" } }] as const;
    const nobody = new Api();
    const wrong = await expectRefused(nobody, 401, "invalid_credentials", ...login(user.signedIn.user.email));
    const unknown = await expectRefused(nobody, 401, "invalid_credentials", ...login("nobody@example.org"));
    expect({ ...wrong.json, request_id: "" }).toEqual({ ...unknown.json, request_id: "" });
  });
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

describe("links", () => {
  const download = (token: string): Request => ["GET", `files/${file.file_id}/download?share_token=${token}`];
  refuses([
    ["a token that is none", 400, "invalid_request", () => download("x")],
    ["an unknown token of my tenant", 404, "not_found", () => download(newShareToken(tenantOf(user.id)))],
    ["an unknown token of no tenant", 404, "not_found", () => download(newShareToken(newTenantId()))],
  ]);
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

describe("the tree", () => {
  const move = (id: string, parent_id: string): Request => ["PATCH", `files/${id}`, { json: { parent_id } }];
  refuses([
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
  ]);

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

describe("upload sessions", () => {
  const SIZE = 8 * MiB + 5;
  const first = new Uint8Array(8 * MiB).fill(1);
  const last = text("12345");
  let upload_id: string;
  let firstHash: string;
  let lastHash: string;

  beforeAll(async () => {
    [firstHash, lastHash] = [await sha256(first), await sha256(last)];
    upload_id = (await user.start("session.bin", SIZE)).upload_id;
    await user.chunk(upload_id, 1, last);
  });

  const start = (fields: Record<string, unknown>): Request => [
    "POST",
    "files/upload",
    { json: { parent_id: "root", name: "started", size: 1, ...fields } },
  ];
  const put = (hash: string, index: number | string, body: Uint8Array<ArrayBuffer> | ReadableStream): Request => [
    "PUT",
    `chunks/${hash}?upload_id=${upload_id}&index=${index}`,
    { body },
  ];
  const complete = (chunks: unknown, headers?: Record<string, string>): Request => [
    "POST",
    `uploads/${upload_id}/complete`,
    { json: { chunks }, headers },
  ];

  refuses([
    ["a negative size", 400, "invalid_request", () => start({ size: -1 })],
    ["half a byte", 400, "invalid_request", () => start({ size: 0.5 })],
    ["a size in words", 400, "invalid_request", () => start({ size: "10" })],
    ["a size beyond numbers", 400, "invalid_request", () => start({ size: 2 ** 60 })],
    ["larger than any file", 413, "file_too_large", () => start({ size: 10_000 * 64 * MiB + 1 })],
    ["a hash that is none", 400, "invalid_request", () => start({ content_hash: "abc" })],
    ["a hash in upper case", 400, "invalid_request", () => start({ content_hash: "A".repeat(64) })],
    ["a media type with a line break", 400, "invalid_request", () => start({ mime_type: "text/plain\r\nx: y" })],
    ["a time that is none", 400, "invalid_request", () => start({ modified_at: "now" })],
    ["a chunk with another hash", 422, "hash_mismatch", () => put(firstHash, 0, new Uint8Array(8 * MiB).fill(2))],
    ["a chunk id that is no hash", 400, "invalid_request", () => put("abc", 0, first)],
    ["a chunk too large", 413, "chunk_too_large", () => put(firstHash, 0, new Uint8Array(8 * MiB + 1))],
    ["a chunk too large that does not say so", 413, "chunk_too_large", () => put(firstHash, 0, endless(9 * MiB))],
    ["a chunk cut short", 422, "hash_mismatch", () => put(firstHash, 0, endless(3 * MiB))],
    ["an empty chunk", 422, "chunk_size_mismatch", () => put(ZERO_HASH, 0, new Uint8Array(0))],
    ["an index past all chunks", 413, "too_many_chunks", () => put(lastHash, 10_000, last)],
    ["a negative index", 400, "invalid_request", () => put(lastHash, -1, last)],
    ["an index that is no number", 400, "invalid_request", () => put(lastHash, "one", last)],
    ["completion with a missing chunk", 409, "missing_chunks", () => complete([firstHash, lastHash])],
    ["completion with fewer chunks", 422, "size_mismatch", () => complete([lastHash])],
    ["completion with none", 422, "size_mismatch", () => complete([])],
    ["completion with more bytes", 422, "size_mismatch", () => complete([lastHash, lastHash])],
    [
      "completion with more chunks than any file",
      413,
      "too_many_chunks",
      () => complete(Array.from({ length: 10_001 }, () => lastHash)),
    ],
    ["completion with no list", 400, "invalid_request", () => complete("all")],
    ["completion with what is no hash", 400, "invalid_request", () => complete(["x"])],
  ]);

  it("a completion with missing chunks names them, once each", async () => {
    const { json } = await user.ask(...complete([firstHash, lastHash]));
    expect(json.missing).toEqual([firstHash]);
  });

  it("after all of it, the right chunk is welcome, twice as well, and the file is whole", async () => {
    for (const _ of [1, 2]) await user.ok(...put(firstHash, 0, first));
    const key = { "idempotency-key": "complete-session" };
    const made = await user.ok<File>(...complete([firstHash, lastHash], key));
    expect(made.size).toBe(SIZE);

    const before = await everything();
    const replay = await user.ask(...complete([firstHash, lastHash], key));
    expect([replay.status, replay.json.file_id]).toEqual([201, made.file_id]);
    expect(await everything()).toEqual(before);

    const again = await expectRefused(user, 409, "upload_completed", ...complete([firstHash, lastHash]));
    expect(again.json.file_id).toBe(made.file_id);
    await expectRefused(user, 409, "upload_completed", ...put(firstHash, 0, first));
    await expectRefused(user, 409, "upload_completed", "DELETE", `uploads/${upload_id}`);
    const { bytes } = await user.ask("GET", `files/${made.file_id}/download`);
    expect(await sha256(bytes)).toBe(await sha256(new Uint8Array([...first, ...last])));
  });

  it("one that was cancelled is unknown, one past its time is expired", async () => {
    const cancelled = await user.start("cancelled.bin", 5);
    await user.ok("DELETE", `uploads/${cancelled.upload_id}`);
    upload_id = cancelled.upload_id;
    await expectRefused(user, 404, "unknown_upload", ...put(lastHash, 0, last));
    await expectRefused(user, 404, "unknown_upload", ...complete([lastHash]));

    upload_id = (await user.start("expired.bin", 5)).upload_id;
    const shard = await shardOf(user.id);
    await shard.prepare("update uploads set expires_at = 1 where upload_id = ?1").bind(upload_id).run();
    await expectRefused(user, 410, "upload_expired", ...put(lastHash, 0, last));
    await expectRefused(user, 410, "upload_expired", ...complete([lastHash]));
  });
});

describe("quota", () => {
  const LIMIT = 100_000_000;
  const whole = (name: string, bytes: string | ReadableStream): Request => [
    "POST",
    `files/upload?name=${name}`,
    { body: bytes },
  ];

  it("is reserved at the start, never overrun by racing sessions, and freed by a cancelled one", async () => {
    const small = await newUser({ DEFAULT_PLAN: "trial" });
    expect((await small.quota()).limit_bytes).toBe(LIMIT);
    const start = (size: number, name = `${size}`): Request => [
      "POST",
      "files/upload",
      { json: { parent_id: "root", name, size } },
    ];
    await expectRefused(small, 413, "quota_exceeded", ...start(LIMIT + 1));

    const racing = await Promise.all(Array.from({ length: 5 }, (_, i) => small.ask(...start(LIMIT / 2, `race ${i}`))));
    const started = racing.filter(({ status }) => status === 200);
    expect(started).toHaveLength(2);
    for (const refused of racing.filter(({ status }) => status !== 200)) expectProblem(refused, 413, "quota_exceeded");
    expect((await small.quota()).reserved_bytes).toBe(LIMIT);

    const refused = await expectRefused(small, 413, "quota_exceeded", ...whole("one.txt", "1"));
    expect(refused.json).toMatchObject({ needed_bytes: 1, free_bytes: 0 });
    await expectRefused(small, 413, "quota_exceeded", ...whole("unknown length.txt", endless(10)));

    for (const { json } of started) await small.ok("DELETE", `uploads/${String(json.upload_id)}`);
    expect(await small.quota()).toMatchObject({ used_bytes: 0, reserved_bytes: 0 });
    // Cancelled twice is cancelled once.
    await small.ok("DELETE", `uploads/${String(started[0]!.json.upload_id)}`);
    expect(await small.quota()).toMatchObject({ used_bytes: 0, reserved_bytes: 0 });
  });

  it("counts what is there: new versions by their difference, copies in full, trash until it is emptied", async () => {
    const small = await newUser({ DEFAULT_PLAN: "trial" });
    const shard = await shardOf(small.id);
    await shard.prepare("update drives set limit_bytes = 100 where drive_id = ?1").bind(small.id).run();
    const made = await small.file("sixty.txt", "x".repeat(60));
    await expectRefused(small, 413, "quota_exceeded", "POST", `files/${made.file_id}/copy`, { json: {} });
    await expectRefused(small, 413, "quota_exceeded", ...whole("more", "x".repeat(41)));
    await expectRefused(small, 413, "quota_exceeded", "PUT", `files/${made.file_id}`, { body: "x".repeat(101) });
    await small.ok("PUT", `files/${made.file_id}`, { body: "x".repeat(40) });
    expect((await small.quota()).used_bytes).toBe(40);
    await small.ok("DELETE", `files/${made.file_id}`);
    expect((await small.quota()).used_bytes).toBe(40);
    await small.ok("DELETE", "trash");
    expect(await small.quota()).toMatchObject({ used_bytes: 0, reserved_bytes: 0 });
  });
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
