import { env } from "cloudflare:workers";
import { evictDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";
import type { IndexDocument } from "../core/search/document.ts";
import type { Candidate } from "../core/search/ports.ts";
import type { SearchIndex } from "./search-index.ts";

const { SEARCH_INDEX } = env as unknown as { SEARCH_INDEX: DurableObjectNamespace<SearchIndex> };

let stub: DurableObjectStub<SearchIndex>;

beforeEach(() => {
  stub = SEARCH_INDEX.get(SEARCH_INDEX.idFromName(crypto.randomUUID()));
});

const document = (file_id: string, fields: Partial<IndexDocument> = {}): IndexDocument => ({
  file_id,
  parent_id: "root",
  content_id: `content of ${file_id}`,
  name: file_id,
  metadata: "",
  text: "",
  type: "text",
  updated_at: 1000,
  seq: 1,
  ...fields,
});

async function find(q: string, options: { after?: number; before?: number; under?: string[] } = {}): Promise<string[]> {
  const candidates = (await stub.query({ q, now: 2000, ...options })) as Candidate[];
  return candidates.map((c) => c.file_id);
}

describe("X4: what finds what", () => {
  beforeEach(() =>
    stub.put([
      document("minutes.txt", { text: "The kestrels nested in the old granary near Grünau." }),
      document("Kestrel report.pdf", { text: "Annual figures", type: "pdf" }),
      document("photo.jpg", { metadata: "place granary", type: "image" }),
    ]),
  );

  it.for([
    ["granary", ["minutes.txt", "photo.jpg"]],
    ["kestr", ["Kestrel report.pdf", "minutes.txt"]],
    ["grunau", ["minutes.txt"]],
    ["GRÜNAU", ["minutes.txt"]],
    ['"old granary"', ["minutes.txt"]],
    ['"granary old"', []],
    ["kestrel -figures", ["minutes.txt"]],
    ["kestrel nested", ["minutes.txt"]],
    ["photo.jpg", ["photo.jpg"]],
    ['") OR name:*', []],
  ] as const)("%s", async ([q, expected]) => {
    expect((await find(q)).toSorted()).toEqual([...expected].toSorted());
  });

  it("X5: a hit in the name goes before one in the text", async () => {
    expect(await find("kestrel")).toEqual(["Kestrel report.pdf", "minutes.txt"]);
  });

  it("X9: snippets mark the words, and only the text has them", async () => {
    const ids = ["minutes.txt", "photo.jpg"];
    expect(await stub.snippets("granary", ids)).toEqual({
      "minutes.txt": "The kestrels nested in the old \u0002granary\u0003 near Grünau.",
      "photo.jpg": null,
    });
  });

  it("suggests names, not text", async () => {
    expect(((await stub.suggest("kest", undefined)) as Candidate[]).map((c) => c.file_id)).toEqual([
      "Kestrel report.pdf",
    ]);
  });
});

describe("X3: what a document of a file replaces", () => {
  it("a newer state replaces an older one, never the other way round", async () => {
    await stub.put([document("a", { name: "new", seq: 5 })]);
    await stub.put([document("a", { name: "old", seq: 4 })]);
    expect(await find("new")).toEqual(["a"]);
    expect(await find("old")).toEqual([]);
  });

  it("the same document twice is there once", async () => {
    for (let i = 0; i < 2; i++) await stub.put([document("a", { name: "same" })]);
    expect(await find("same")).toEqual(["a"]);
  });

  it("a rename keeps the text", async () => {
    await stub.put([document("a", { name: "old", text: "granary" })]);
    await stub.put([document("a", { name: "new", text: null, seq: 2 })]);
    expect(await find("granary")).toEqual(["a"]);
    expect(await find("old")).toEqual([]);
  });

  it("new text replaces the old", async () => {
    await stub.put([document("a", { text: "granary" })]);
    await stub.put([document("a", { text: "barn", seq: 2 })]);
    expect(await find("granary")).toEqual([]);
    expect(await find("barn")).toEqual(["a"]);
  });

  it("what is removed leaves no text, and a late message does not bring it back", async () => {
    await stub.put([document("a", { text: "granary" })]);
    await stub.remove([{ file_id: "a", seq: 9 }]);
    await stub.put([document("a", { text: "granary", seq: 8 })]);
    expect(await find("granary")).toEqual([]);
    expect(await stub.contents(["a"])).toEqual({});
  });

  it("survives the object's end", async () => {
    await stub.put([document("a", { text: "granary" })]);
    await evictDurableObject(stub);
    expect(await find("granary")).toEqual(["a"]);
  });
});

describe("X7: parts of a drive", () => {
  beforeEach(() =>
    stub.put([
      document("shared", { type: "folder" }),
      document("inner", { type: "folder", parent_id: "shared" }),
      document("deep", { parent_id: "inner", name: "needle one" }),
      document("other", { name: "needle two" }),
    ]),
  );

  it("looks only below the folders that are named", async () => {
    expect(await find("needle", { under: ["shared"] })).toEqual(["deep"]);
    expect(await find("needle", { under: ["other"] })).toEqual(["other"]);
    expect(await find("needle", { under: [] })).toEqual([]);
  });

  it("a moved folder takes what is below it along, with one document", async () => {
    await stub.put([document("inner", { type: "folder", parent_id: "root", seq: 2 })]);
    expect(await find("needle", { under: ["shared"] })).toEqual([]);
  });

  it("knows what lies below", async () => {
    expect(((await stub.below(["shared"])) as string[]).toSorted()).toEqual(["deep", "inner"]);
  });

  it("bounds times", async () => {
    await stub.put([document("late", { name: "needle three", updated_at: 5000 })]);
    expect(await find("needle", { after: 2000 })).toEqual(["late"]);
    expect((await find("needle", { before: 1000 })).toSorted()).toEqual(["deep", "other"]);
  });
});

it("X8: no type hides another: the best of each type are candidates", async () => {
  const many = Array.from({ length: 300 }, (_, i) => document(`needle ${i}`, { name: "needle needle needle" }));
  await stub.put([...many, document("scan", { text: `${"word ".repeat(500)}needle`, type: "pdf" })]);
  const found = await find("needle");
  expect(found.length).toBe(201);
  expect(found).toContain("scan");
});
