import { expect, test } from "vitest";
import { snippetPieces } from "./snippet.ts";

test("marks become hits, and markup in the text stays text", () => {
  expect(snippetPieces("a \u0002cat\u0003 & <b>\u0002dog\u0003")).toEqual([
    { text: "a ", hit: false },
    { text: "cat", hit: true },
    { text: " & <b>", hit: false },
    { text: "dog", hit: true },
  ]);
});

test("a cut-off mark harms nothing", () => {
  expect(snippetPieces("x \u0002ca")).toEqual([
    { text: "x ", hit: false },
    { text: "ca", hit: true },
  ]);
});
