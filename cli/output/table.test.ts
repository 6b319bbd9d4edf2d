import { expect, test } from "vitest";
import { table } from "./table.ts";

test("columns are aligned by what a terminal shows: wide characters count twice, marks not at all", () => {
  const rows = [
    { size: "1", name: "a" },
    { size: "20", name: "日本" },
  ];
  expect(
    table(rows, [
      { title: "NAME", of: ({ name }) => name },
      { title: "SIZE", right: true, of: ({ size }) => size },
      { title: "", of: () => "e\u0301" },
    ]),
  ).toEqual(["NAME  SIZE", "a        1  e\u0301", "日本    20  e\u0301"]);
});
