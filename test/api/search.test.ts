/** Search over HTTP: only what the caller may read, in hits, facets and suggestions. docs/spec/search.md. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import type { SearchAnswer } from "../../core/protocol/search.ts";
import { expectProblem, newUser, text, type User } from "../support/workerd/api.ts";
import { fixtures } from "../support/workerd/fixtures.ts";
import { Pipeline } from "../support/workerd/pipeline.ts";

let owner: User;
let reader: User;
let stranger: User;

beforeAll(async () => {
  // Of two tenants in different shards: tenants are spread.
  [owner, reader, stranger] = [await newUser(), await newUser(), await newUser()];
});

async function settle(...users: User[]): Promise<void> {
  const pipeline = new Pipeline();
  for (const { id } of users) pipeline.wake({ tenant: tenantOf(id), root: id });
  await pipeline.drain();
}

const search = (user: User, query: Record<string, string>): Promise<SearchAnswer> =>
  user.ok<SearchAnswer>("GET", `search?${new URLSearchParams(query)}`);

const found = async (user: User, q: string, more: Record<string, string> = {}): Promise<string[]> =>
  (await search(user, { q, ...more })).items.map(({ file }) => file.name);

const suggested = async (user: User, q: string): Promise<string[]> => {
  const { items } = await user.ok<{ items: { name: string }[] }>("GET", `search/suggest?${new URLSearchParams({ q })}`);
  return items.map(({ name }) => name);
};

/** A word of which no other test knows. */
let word: string;
beforeEach(() => {
  word = `w${crypto.randomUUID().replaceAll("-", "")}`;
});

describe("one's own drive", () => {
  // The first PDF of an isolate loads the parser.
  it("finds the text of a text and of a PDF, with the words marked", { timeout: 20_000 }, async () => {
    await owner.file("letter.pdf", fixtures["letter.pdf"] as Uint8Array<ArrayBuffer>);
    await owner.file("note.txt", text("zweiundvierzig kestrels"));
    await settle(owner);
    const { items, facets } = await search(owner, { q: "zweiundvierzig" });
    expect(items.map((hit) => hit.file.name).toSorted()).toEqual(["letter.pdf", "note.txt"]);
    expect(items.every((hit) => hit.snippet?.includes("\u0002zweiundvierzig\u0003"))).toBe(true);
    expect(items[0]?.file).toMatchObject({ owner_id: owner.id, permission: "owner" });
    expect(facets.type).toEqual({ pdf: 1, text: 1 });
  });

  it("filters by type, owner, time and folder, and facets count all types", async () => {
    const folder = await owner.folder(`${word} folder`);
    await owner.file(`${word} inside.txt`, text("x"), folder.file_id);
    await owner.file(`${word}.pdf`, text("no pdf"));
    await settle(owner);
    expect((await found(owner, word)).toSorted()).toEqual(
      [`${word} folder`, `${word} inside.txt`, `${word}.pdf`].toSorted(),
    );
    const typed = await search(owner, { q: word, type: "text" });
    expect(typed.items.map((hit) => hit.file.name)).toEqual([`${word} inside.txt`]);
    expect(typed.facets.type).toEqual({ folder: 1, text: 1, pdf: 1 });
    expect(await found(owner, word, { in: folder.file_id, type: "text" })).toEqual([`${word} inside.txt`]);
    expect(await found(owner, word, { in: folder.file_id, type: "pdf" })).toEqual([]);
    expect((await found(owner, word, { owner: owner.id })).length).toBe(3);
    expect(await found(owner, word, { owner: reader.id })).toEqual([]);
    expect(await found(owner, word, { after: "2999-01-01T00:00:00Z" })).toEqual([]);
    expect((await found(owner, word, { before: "2999-01-01T00:00:00Z" })).length).toBe(3);
  });

  it("pages by cursor, each hit once", async () => {
    for (let i = 0; i < 5; i++) await owner.file(`${word} ${i}.txt`, text("x"));
    await settle(owner);
    const names: string[] = [];
    let cursor: string | null = "0";
    while (cursor !== null) {
      const page: SearchAnswer = await search(owner, { q: word, limit: "2", cursor });
      names.push(...page.items.map(({ file }) => file.name));
      cursor = page.next_cursor;
    }
    expect(names.toSorted()).toEqual([0, 1, 2, 3, 4].map((i) => `${word} ${i}.txt`));
  });

  it("follows a rename, finds by the user's own metadata, and forgets what is trashed at once", async () => {
    const file = await owner.file("old.txt", text("x"));
    await owner.ok("PATCH", `files/${file.file_id}`, {
      json: { name: `${word}.txt`, metadata: { client: `k${word}` } },
    });
    await settle(owner);
    expect(await found(owner, word)).toEqual([`${word}.txt`]);
    expect(await found(owner, `k${word}`)).toEqual([`${word}.txt`]);
    await owner.ask("DELETE", `files/${file.file_id}`);
    expect(await found(owner, word)).toEqual([]);
    expect(await suggested(owner, word)).toEqual([]);
    await owner.ok("POST", `files/${file.file_id}/untrash`);
    expect(await found(owner, word)).toEqual([`${word}.txt`]);
  });

  it("what lies in a trashed folder is hidden with it, without any event", async () => {
    const folder = await owner.folder(word);
    await owner.file(`${word}.txt`, text("x"), folder.file_id);
    await settle(owner);
    await owner.ask("DELETE", `files/${folder.file_id}`);
    expect((await search(owner, { q: word })).facets.type).toEqual({});
  });
});

describe("X6: only what the caller may read", () => {
  let folder: File;

  beforeEach(async () => {
    folder = await owner.folder(`${word} shared`);
    await owner.file(`${word} inside.txt`, text(`secret${word}`), folder.file_id);
    await owner.file(`${word} private.txt`, text(`secret${word}`));
    await settle(owner);
  });

  const share = (): Promise<{ permission_id: string }> =>
    owner.ok("POST", `files/${folder.file_id}/share`, { json: { user_id: reader.id, permission: "view" } });

  it("a stranger finds nothing: no hit, no facet, no suggestion", async () => {
    expect(await search(stranger, { q: word })).toEqual({ items: [], next_cursor: null, facets: { type: {} } });
    expect(await search(stranger, { q: `secret${word}` })).toMatchObject({ items: [] });
    expect(await suggested(stranger, word)).toEqual([]);
    expectProblem(await stranger.ask("GET", `search?q=${word}&in=${folder.file_id}`), 404, "not_found");
  });

  it("a shared folder's content is found by who it is shared with, and nothing beside it", async () => {
    await share();
    await settle(owner);
    const { items, facets } = await search(reader, { q: `secret${word}` });
    expect(items.map((hit) => [hit.file.name, hit.file.permission])).toEqual([[`${word} inside.txt`, "view"]]);
    expect(facets.type).toEqual({ text: 1 });
    expect((await suggested(reader, word)).toSorted()).toEqual([`${word} inside.txt`, `${word} shared`].toSorted());
    expect((await found(reader, word, { owner: owner.id })).length).toBe(2);
    expect((await found(reader, word, { in: folder.file_id })).length).toBe(2);
  });

  it("a revoked share is dead at once, before any event", async () => {
    const { permission_id } = await share();
    await settle(owner);
    expect((await found(reader, word)).length).toBe(2);
    await owner.ask("DELETE", `files/${folder.file_id}/permissions/${permission_id}`);
    expect(await found(reader, word)).toEqual([]);
    expect(await suggested(reader, word)).toEqual([]);
  });

  it("a file that is moved out of the shared folder is not found there any more", async () => {
    await share();
    const { items } = await owner.ok<{ items: File[] }>("GET", `folders/${folder.file_id}/contents`);
    await settle(owner);
    await owner.ok("PATCH", `files/${items[0]?.file_id}`, { json: { parent_id: "root" } });
    expect(await found(reader, `secret${word}`)).toEqual([]);
  });
});

describe("bad input", () => {
  it.for([
    ["search", 400, "invalid_request"],
    ["search?q=", 400, "invalid_request"],
    [`search?q=${"x".repeat(201)}`, 400, "invalid_request"],
    ["search?q=x&type=virus", 400, "invalid_request"],
    ["search?q=x&limit=0", 400, "invalid_request"],
    ["search?q=x&owner=me", 400, "invalid_request"],
    ["search?q=x&after=yesterday", 400, "invalid_request"],
    ["search?q=x&cursor=next", 400, "cursor_invalid"],
    ["search/suggest", 400, "invalid_request"],
  ] as const)("%s: %i %s", async ([path, status, code]) => {
    expectProblem(await owner.ask("GET", path), status, code);
  });

  it.for(['"', "AND OR NOT", "name:*", "NEAR(", "'; drop table texts; --", "\u0000", "((((", "-", "*", "^a"])(
    "%j is a query like any other",
    async (q) => {
      expect((await owner.ask("GET", `search?${new URLSearchParams({ q })}`)).status).toBe(200);
    },
  );
});
