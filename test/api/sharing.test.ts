/** Who may do what, over every state of a share and every door. docs/spec/access.md, links.md. */
import { beforeAll, describe, expect, test } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { newId } from "../../core/protocol/ids.ts";
import type { LinkInfo, Permission } from "../../core/protocol/sharing.ts";
import {
  Api,
  apiEnv,
  type Ask,
  expectProblem,
  newUser,
  PASSWORD,
  shardOf,
  text,
  User,
} from "../support/workerd/api.ts";
import { deliver } from "../support/workerd/shares.ts";
import type { SignedIn } from "../../core/protocol/auth.ts";

let owner: User;
let other: User;
beforeAll(async () => {
  [owner, other] = [await newUser(), await newUser()];
});

const name = (): string => crypto.randomUUID();
const share = <T = Permission>(by: User, file: File, json: object): Promise<T> =>
  by.ok<T>("POST", `files/${file.file_id}/share`, { json });
const give = (by: User, file: File, to: User, permission: string): Promise<Permission> =>
  share(by, file, { user_id: to.id, permission });

describe("rights over every state of a share", () => {
  type State = [title: string, prepare: (reader: User) => Promise<File>, held: "view" | "comment" | "edit" | null];

  const inFolder = async (): Promise<[File, File]> => {
    const folder = await owner.folder(name());
    return [folder, await owner.file("in.txt", text("inside"), folder.file_id)];
  };

  const states: State[] = [
    ["not shared", async () => owner.file(name(), text("x")), null],
    [
      "another tenant's id that does not exist",
      async (reader) => ({ ...(await reader.file(name(), text("x"))), file_id: newId(12345, Date.now()) }),
      null,
    ],
  ];
  for (const permission of ["view", "comment", "edit"] as const) {
    states.push([
      `shared to ${permission}`,
      async (reader) => {
        const file = await owner.file(name(), text("x"));
        await give(owner, file, reader, permission);
        return file;
      },
      permission,
    ]);
    states.push([
      `inherited ${permission}`,
      async (reader) => {
        const [folder, file] = await inFolder();
        await give(owner, folder, reader, permission);
        return file;
      },
      permission,
    ]);
  }
  states.push(
    [
      "direct view below an inherited edit: the highest",
      async (reader) => {
        const [folder, file] = await inFolder();
        await give(owner, folder, reader, "edit");
        await give(owner, file, reader, "view");
        return file;
      },
      "edit",
    ],
    [
      "revoked",
      async (reader) => {
        const file = await owner.file(name(), text("x"));
        const { permission_id } = await give(owner, file, reader, "edit");
        await owner.ok("DELETE", `files/${file.file_id}/permissions/${permission_id}`);
        return file;
      },
      null,
    ],
    [
      "expired",
      async (reader) => {
        const file = await owner.file(name(), text("x"));
        const { permission_id } = await give(owner, file, reader, "edit");
        const db = await shardOf(file.file_id);
        await db
          .prepare("update permissions set expires_at = ?2 where permission_id = ?1")
          .bind(permission_id, Date.now() - 1)
          .run();
        return file;
      },
      null,
    ],
    [
      "moved out of the shared folder",
      async (reader) => {
        const [folder, file] = await inFolder();
        await give(owner, folder, reader, "edit");
        await owner.ok("PATCH", `files/${file.file_id}`, { json: { parent_id: "root", name: name() } });
        return file;
      },
      null,
    ],
    [
      "shared with somebody else",
      async () => {
        const file = await owner.file(name(), text("x"));
        await give(owner, file, other, "edit");
        return file;
      },
      null,
    ],
    [
      "a link only",
      async () => {
        const file = await owner.file(name(), text("x"));
        await share(owner, file, { link: true, permission: "edit" });
        return file;
      },
      null,
    ],
  );

  /** What each route wants, at least; in an order in which none spoils the next. */
  const routes: [wants: "view" | "edit", method: string, path: string, ask?: Ask][] = [
    ["view", "GET", ""],
    ["view", "GET", "/download"],
    ["view", "HEAD", "/download"],
    ["view", "GET", "/versions"],
    ["edit", "GET", "/permissions"],
    ["edit", "POST", "/share", { json: { link: true, permission: "view" } }],
    ["edit", "POST", "/share", { json: { email: "new@example.org", permission: "edit" } }],
    ["edit", "PATCH", "", { json: { metadata: { a: 1 } } }],
    ["edit", "PUT", "", { body: "new bytes" }],
    ["edit", "DELETE", ""],
    ["edit", "POST", "/untrash"],
  ];
  const RANK = { view: 1, comment: 2, edit: 3 };

  test.for(states)("A1 to A6: %s", { timeout: 30_000 }, async ([, prepare, held]) => {
    const reader = await newUser();
    const file = await prepare(reader);
    for (const [wants, method, path, ask] of routes) {
      const answer = await reader.ask(method, `files/${file.file_id}${path}`, ask);
      const expected = held === null ? 404 : RANK[held] < RANK[wants] ? 403 : 200;
      const got = answer.status < 300 ? 200 : answer.status;
      expect(got, `${method} ${path} with ${held}`).toBe(expected);
    }
    const anonymous = await new Api().ask("GET", `files/${file.file_id}`);
    expectProblem(anonymous, 401, "token_missing");
  });
});

describe("sharing with people", () => {
  test("A7: an editor shares what they hold; a viewer and a commenter share nothing", async () => {
    const file = await owner.file(name(), text("x"));
    const [editor, third] = [await newUser(), await newUser()];
    await give(owner, file, editor, "edit");
    await give(editor, file, third, "comment");
    expect((await third.ok<File>("GET", `files/${file.file_id}`)).permission).toBe("comment");
    expectProblem(
      await third.ask("POST", `files/${file.file_id}/share`, { json: { email: "a@example.org", permission: "view" } }),
      403,
      "forbidden",
    );
  });

  describe("A8: nobody gives more than they hold, nor for longer", () => {
    const HOUR = 3600;
    const path = (file: File, p?: Permission): string =>
      `files/${file.file_id}/${p === undefined ? "share" : `permissions/${p.permission_id}`}`;

    /** An editor for an hour. */
    async function limited(): Promise<{ folder: File; file: File; editor: User; own: Permission; third: User }> {
      const [editor, third] = [await newUser(), await newUser()];
      const folder = await owner.folder(name());
      const file = await owner.file(name(), text("x"), folder.file_id);
      const own = await share(owner, file, { user_id: editor.id, permission: "edit", expires_in: HOUR });
      return { folder, file, editor, own, third };
    }

    test("an editor for a time gives nothing that lasts longer, of any kind", async () => {
      const { file, editor, own, third } = await limited();
      const bodies = [
        { user_id: third.id, permission: "view" },
        { email: third.signedIn.user.email, permission: "edit" },
        { email: `${name()}@example.org`, permission: "edit" },
        { link: true, permission: "view" },
      ];
      for (const json of bodies) {
        const longer = { ...json, expires_in: HOUR + 60 };
        expectProblem(await editor.ask("POST", path(file), { json: longer }), 403, "forbidden");
        expect((await share(editor, file, json)).expires_at).toBe(own.expires_at);
        const shorter = (await share(editor, file, { ...json, expires_in: 60 })).expires_at as string;
        expect(Date.parse(shorter)).toBeLessThan(Date.parse(own.expires_at as string));
      }
      const seed = { permissions: "read", expires_in: HOUR + 60 };
      expectProblem(await editor.ask("POST", path(file), { json: seed }), 403, "forbidden");
      expect((await share(editor, file, { permissions: "write" })).expires_at).toBe(own.expires_at);
    });

    test("nor makes their own grant last, by any door", async () => {
      const { folder, file, editor, own } = await limited();
      for (const expires_in of [null, HOUR + 60, 315_360_000])
        expectProblem(await editor.ask("PATCH", path(file, own), { json: { expires_in } }), 403, "forbidden");
      for (const who of [{ user_id: editor.id }, { email: editor.signedIn.user.email }])
        for (const more of [{}, { expires_in: 60 }]) {
          const json = { ...who, permission: "edit", ...more };
          expectProblem(await editor.ask("POST", path(file), { json }), 400, "invalid_request");
        }
      const { items } = await owner.ok<{ items: Permission[] }>("GET", `files/${file.file_id}/permissions`);
      expect(items).toMatchObject([{ permission_id: own.permission_id, expires_at: own.expires_at }]);
      // Not even who is an editor for good by a folder above: what is theirs may only shrink.
      await share(owner, folder, { user_id: editor.id, permission: "edit" });
      expectProblem(await editor.ask("PATCH", path(file, own), { json: { expires_in: null } }), 403, "forbidden");
      const { expires_at } = await editor.ok<Permission>("PATCH", path(file, own), { json: { expires_in: 60 } });
      expect(Date.parse(expires_at as string)).toBeLessThan(Date.parse(own.expires_at as string));
      await editor.ok("DELETE", path(file, own));
    });

    test("nor prolongs or raises another's past it; taking away is free", async () => {
      const { file, editor, own, third } = await limited();
      const given = await share(owner, file, { user_id: third.id, permission: "comment", expires_in: HOUR / 2 });
      const link = await share(owner, file, { link: true, permission: "view" });
      const patch = (p: Permission, json: object) => editor.ask<Permission>("PATCH", path(file, p), { json });
      expectProblem(await patch(given, { expires_in: null }), 403, "forbidden");
      expectProblem(await patch(given, { expires_in: HOUR + 60 }), 403, "forbidden");
      expectProblem(await patch(link, { permission: "edit" }), 403, "forbidden");
      expectProblem(await patch(given, { permission: "edit", expires_in: HOUR * 2 }), 403, "forbidden");
      const changes: [Permission, object][] = [
        [given, { expires_in: HOUR - 60 }],
        [given, { permission: "edit" }],
        [given, { permission: "view" }],
        [link, { permission: "edit", expires_in: HOUR / 2 }],
      ];
      for (const [permission, json] of changes) expect((await patch(permission, json)).status).toBe(200);
      await owner.ok("PATCH", path(file, own), { json: { expires_in: null } });
      expect((await patch(given, { expires_in: null })).json.expires_at).toBeNull();
    });

    test("the longest of several grants counts, of those that are high enough", async () => {
      const { file: folder, editor } = { file: await owner.folder(name()), editor: await newUser() };
      const file = await owner.file(name(), text("x"), folder.file_id);
      await share(owner, folder, { user_id: editor.id, permission: "view" });
      const own = await share(owner, file, { user_id: editor.id, permission: "edit", expires_in: HOUR });
      expect((await share(editor, file, { link: true, permission: "view" })).expires_at).toBeNull();
      expect((await share(editor, file, { link: true, permission: "comment" })).expires_at).toBe(own.expires_at);
      expect((await share(owner, file, { link: true, permission: "edit" })).expires_at).toBeNull();
    });

    test("who holds less gives nothing, and `owner` is not given", async () => {
      const { file, editor, third } = await limited();
      await share(editor, file, { user_id: third.id, permission: "comment" });
      const json = { email: "a@example.org", permission: "view" };
      expectProblem(await third.ask("POST", path(file), { json }), 403, "forbidden");
      const all = { email: "a@example.org", permission: "owner" };
      expectProblem(await owner.ask("POST", path(file), { json: all }), 400, "invalid_request");
    });
  });

  test("A2: a grant counts until it ends, by its time or taken away, and so for what lies below", async () => {
    const folder = await owner.folder(name());
    const inside = await owner.file(name(), text("x"), folder.file_id);
    const reader = await newUser();
    const read = async (): Promise<number[]> => [
      (await reader.ask("GET", `files/${folder.file_id}`)).status,
      (await reader.ask("GET", `files/${inside.file_id}/download`)).status,
    ];
    expect(await read()).toEqual([404, 404]);
    const given = await share(owner, folder, { user_id: reader.id, permission: "view", expires_in: 3600 });
    expect(await read()).toEqual([200, 200]);
    const db = await shardOf(folder.file_id);
    const end = (at: number) =>
      db.prepare("update permissions set expires_at = ?2 where permission_id = ?1").bind(given.permission_id, at).run();
    await end(Date.now());
    expect(await read()).toEqual([404, 404]);
    await end(Date.now() + 3_600_000);
    expect(await read()).toEqual([200, 200]);
    await owner.ok("DELETE", `files/${folder.file_id}/permissions/${given.permission_id}`);
    expect(await read()).toEqual([404, 404]);
  });

  test("A14: what an editor gave outlives their access, and every editor sees and ends it", async () => {
    const file = await owner.file(name(), text("x"));
    const [first, second, reader] = [await newUser(), await newUser(), await newUser()];
    const own = await give(owner, file, first, "edit");
    await give(owner, file, second, "edit");
    const given = await give(first, file, reader, "view");
    const link = await share(first, file, { link: true, permission: "view" });
    await owner.ok("DELETE", `files/${file.file_id}/permissions/${own.permission_id}`);
    expectProblem(await first.ask("GET", `files/${file.file_id}`), 404, "not_found");
    expect((await reader.ask("GET", `files/${file.file_id}`)).status).toBe(200);
    expect((await new Api().ask("GET", `shares/${link.token}`)).status).toBe(200);
    const { items } = await second.ok<{ items: Permission[] }>("GET", `files/${file.file_id}/permissions`);
    const made = items.filter((item) => item.created_by === first.id).map((item) => item.permission_id);
    expect(made.toSorted()).toEqual([given.permission_id, link.permission_id].toSorted());
    for (const id of made) await second.ok("DELETE", `files/${file.file_id}/permissions/${id}`);
    expectProblem(await reader.ask("GET", `files/${file.file_id}`), 404, "not_found");
    expectProblem(await new Api().ask("GET", `shares/${link.token}`), 410, "link_revoked");
  });

  test("A9: a person has one grant on a file: sharing again changes it, parallel shares too", async () => {
    const file = await owner.file(name(), text("x"));
    const reader = await newUser();
    const made = await Promise.all(["view", "comment", "edit", "view"].map((p) => give(owner, file, reader, p)));
    expect(new Set(made.map((p) => p.permission_id)).size).toBe(1);
    const last = await share(owner, file, { email: reader.signedIn.user.email.toUpperCase(), permission: "comment" });
    expect(last).toMatchObject({ permission_id: made[0]!.permission_id, kind: "user", permission: "comment" });
    const { items } = await owner.ok<{ items: Permission[] }>("GET", `files/${file.file_id}/permissions`);
    expect(items.length).toBe(1);
    await owner.ok("DELETE", `files/${file.file_id}/permissions/${last.permission_id}`);
    expectProblem(await reader.ask("GET", `files/${file.file_id}`), 404, "not_found");
  });

  test("A10: whoever got a file can give it back, and only that", async () => {
    const file = await owner.file(name(), text("x"));
    const reader = await newUser();
    const own = await give(owner, file, reader, "view");
    const others = await give(owner, file, other, "view");
    const path = (p: Permission): string => `files/${file.file_id}/permissions/${p.permission_id}`;
    expectProblem(await reader.ask("DELETE", path(others)), 403, "forbidden");
    expectProblem(await reader.ask("PATCH", path(own), { json: { permission: "edit" } }), 403, "forbidden");
    await reader.ok("DELETE", path(own));
    expectProblem(await reader.ask("GET", `files/${file.file_id}`), 404, "not_found");
    expectProblem(await owner.ask("DELETE", path(own)), 404, "not_found");
  });

  test("A11: an address without an account gets the file when it registers", async () => {
    const file = await owner.file(name(), text("for later"));
    const email = `later-${name()}@example.org`;
    const waiting = await share(owner, file, { email, permission: "edit" });
    expect(waiting).toMatchObject({ kind: "pending", email, user_id: null });
    const dropped = await owner.file(name(), text("not any more"));
    const { permission_id } = await share(owner, dropped, { email, permission: "view" });
    await owner.ok("DELETE", `files/${dropped.file_id}/permissions/${permission_id}`);

    const json = { email, password: PASSWORD, name: "Later" };
    const later = new User(await new Api().ok<SignedIn>("POST", "auth/register", { json }));
    expect((await later.ok<File>("GET", `files/${file.file_id}`)).permission).toBe("edit");
    expectProblem(await later.ask("GET", `files/${dropped.file_id}`), 404, "not_found");
    const { items } = await owner.ok<{ items: Permission[] }>("GET", `files/${file.file_id}/permissions`);
    expect(items).toMatchObject([{ permission_id: waiting.permission_id, kind: "user", user_id: later.id }]);
    const left = await apiEnv.DIRECTORY.prepare("select count(*) as n from pending_shares where email = ?1")
      .bind(email)
      .first();
    expect(left).toEqual({ n: 0 });
  });

  test("A12: what cannot be shared so", async () => {
    const file = await owner.file(name(), text("x"));
    const path = `files/${file.file_id}/share`;
    const bad = [
      { email: owner.signedIn.user.email, permission: "view" },
      { team_id: newId(1, Date.now()), permission: "view" },
      { email: "not an address", permission: "view" },
      { email: "a@example.org", permission: "owner" },
      { link: true, permission: "view", expires_in: 0 },
      { link: true, permission: "view", max_downloads: 0 },
      { link: true, permission: "view", password: "" },
      { permissions: "all" },
      {},
    ];
    for (const json of bad) expectProblem(await owner.ask("POST", path, { json }), 400, "invalid_request");
    const nobody = { user_id: newId(1, Date.now()), permission: "view" };
    expectProblem(await owner.ask("POST", path, { json: nobody }), 404, "not_found");
    await owner.ok("DELETE", `files/${file.file_id}`);
    expectProblem(await owner.ask("POST", path, { json: { link: true, permission: "view" } }), 410, "trashed");
  });

  test("A12: a repeat with the same Idempotency-Key is the same link", async () => {
    const file = await owner.file(name(), text("x"));
    const headers = { "idempotency-key": name() };
    const json = { link: true, permission: "view" };
    const [a, b] = [0, 1].map(() => owner.ok<Permission>("POST", `files/${file.file_id}/share`, { json, headers }));
    expect((await a)!.token).toBe((await b)!.token);
  });

  test("A13: shared-with-me shows what is shared now, from any shard, and nothing that a late pointer points to", async () => {
    const reader = await newUser();
    const sharers = [await newUser(), other, await newUser()];
    const files: File[] = [];
    const grants: Permission[] = [];
    for (const sharer of sharers) {
      const file = await sharer.file(name(), text("x"));
      files.push(file);
      grants.push(await give(sharer, file, reader, "view"));
      await deliver(sharer);
    }
    const list = async (
      query = "",
    ): Promise<{ items: { file: File; shared_by: string }[]; next_cursor: string | null }> =>
      reader.ok("GET", `shared-with-me${query}`);
    const { items } = await list();
    expect(items.map(({ file }) => file.file_id).toSorted()).toEqual(files.map((f) => f.file_id).toSorted());
    expect(items.map(({ shared_by }) => shared_by).toSorted()).toEqual(
      sharers.map((s) => s.signedIn.user.name).toSorted(),
    );
    const first = await list("?limit=2");
    expect(first.items.length).toBe(2);
    expect((await list(`?limit=2&cursor=${first.next_cursor}`)).items.length).toBe(1);

    // The pointer is still there: the file's own shard decides.
    await sharers[0]!.ok("DELETE", `files/${files[0]!.file_id}/permissions/${grants[0]!.permission_id}`);
    await sharers[1]!.ok("DELETE", `files/${files[1]!.file_id}`);
    expect((await list()).items.map(({ file }) => file.file_id)).toEqual([files[2]!.file_id]);
  });
});

describe("links by the API", () => {
  test("L12, step 8: the seed's journey as written: share by its own words, look, download", async () => {
    const bytes = text("the seed's document");
    const file = await owner.file(name(), bytes);
    const made = await owner.ask<{ share_link: string; token: string }>("POST", `/v1/files/${file.file_id}/share`, {
      json: { permissions: "read", expires_in: 3600 },
    });
    expect(made.status).toBe(201);
    expect(made.json.share_link).toBe(`https://drive.example/s/${made.json.token}`);
    const visitor = new Api();
    const info = await visitor.ok<LinkInfo>("GET", `/v1/shares/${made.json.token}`);
    expect(info).toMatchObject({ file_id: file.file_id, name: file.name, size: bytes.length, permission: "view" });
    const download = await visitor.ask("GET", `/v1/files/${file.file_id}/download?share_token=${made.json.token}`);
    expect(download.bytes).toEqual(bytes);
    const page = await visitor.ask("GET", new URL(made.json.share_link).pathname);
    expect(page.status).toBe(200);
    expect((await visitor.ask("GET", new URL(info.download_url).pathname)).bytes).toEqual(bytes);
  });

  test("L12: a link's token opens nothing but what it shares", async () => {
    const [file, secret] = [await owner.file(name(), text("x")), await owner.file(name(), text("y"))];
    const { token } = await share(owner, file, { link: true, permission: "edit" });
    const visitor = new Api();
    expectProblem(await visitor.ask("GET", `files/${secret.file_id}/download?share_token=${token}`), 404, "not_found");
    expectProblem(
      await visitor.ask("PATCH", `files/${file.file_id}?share_token=${token}`, { json: { name: "z" } }),
      401,
      "token_missing",
    );
  });

  test("L2: the states of a link by the API", async () => {
    const file = await owner.file(name(), text("x"));
    const visitor = new Api();
    const info = (p: Permission) => visitor.ask("GET", `shares/${p.token}`);
    const guarded = await share(owner, file, { link: true, permission: "view", password: "secret" });
    expect(guarded.has_password).toBe(true);
    expect(JSON.stringify(guarded)).not.toContain("scrypt");
    expectProblem(await info(guarded), 401, "password_required");
    expectProblem(await visitor.ask("GET", "shares/unknown"), 404, "not_found");
    const short = await share(owner, file, { link: true, permission: "view", expires_in: 1 });
    for (const shard of apiEnv.SHARDS.split(","))
      await apiEnv[shard]!.prepare("update permissions set expires_at = 1 where token = ?1").bind(short.token).run();
    expectProblem(await info(short), 410, "link_expired");
    const plain = await share(owner, file, { link: true, permission: "view" });
    await owner.ok("DELETE", `files/${file.file_id}/permissions/${plain.permission_id}`);
    expectProblem(await info(plain), 410, "link_revoked");
  });

  test("L4, step 6: a link that was seen is dead in the moment its revocation is answered", async () => {
    const file = await owner.file(name(), text("x"));
    const { token, permission_id } = await share(owner, file, { link: true, permission: "view" });
    const visitor = new Api();
    for (const path of ["", "/download"]) expect((await visitor.ask("GET", `/s/${token}${path}`)).status).toBe(200);
    await owner.ok("DELETE", `files/${file.file_id}/permissions/${permission_id}`);
    for (const path of ["", "/download"]) expect((await visitor.ask("GET", `/s/${token}${path}`)).status).toBe(410);
  });

  test("L5: a new version, and the trash, show at once in links to the file and to the folder above", async () => {
    const folder = await owner.folder(name());
    const file = await owner.file("v.txt", text("one"), folder.file_id);
    const links = [file, folder].map((f) => share(owner, f, { link: true, permission: "view" }));
    const [own, above] = [(await links[0]!).token, (await links[1]!).token];
    const visitor = new Api();
    const seen = async (): Promise<string[]> => {
      const paths = [`/s/${own}/download`, `/s/${above}/download?file_id=${file.file_id}`];
      const answers = await Promise.all(paths.map((path) => visitor.ask("GET", path)));
      return answers.map(({ status, bytes }) => (status === 200 ? new TextDecoder().decode(bytes) : String(status)));
    };
    expect(await seen()).toEqual(["one", "one"]);
    await owner.ok("PUT", `files/${file.file_id}`, { body: "two" });
    await expect.poll(seen, { timeout: 10_000 }).toEqual(["two", "two"]);
    await owner.ok("DELETE", `files/${folder.file_id}`);
    await expect.poll(seen, { timeout: 10_000 }).toEqual(["404", "404"]);
  });

  test("L4: a link's new expiry holds at once", async () => {
    const file = await owner.file(name(), text("x"));
    const { token, permission_id } = await share(owner, file, { link: true, permission: "view", expires_in: 5 });
    const visitor = new Api();
    await visitor.ask("GET", `/s/${token}`);
    const path = `files/${file.file_id}/permissions/${permission_id}`;
    const changed = await owner.ok<Permission>("PATCH", path, { json: { expires_in: null } });
    expect(changed.expires_at).toBeNull();
    const info = await visitor.ok<LinkInfo>("GET", `shares/${token}`);
    expect(info.expires_at).toBeNull();
    const page = await visitor.ask("GET", `/s/${token}`);
    expect(new TextDecoder().decode(page.bytes)).not.toContain("The link works until");
  });
});
