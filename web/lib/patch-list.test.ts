import { expect, test } from "vitest";
import type { File } from "../../client/index.ts";
import { patchList, type ListData } from "./patch-list.ts";

const file = (name: string, over: Partial<File> = {}): File =>
  ({ file_id: name, name, parent_id: "p", trashed_at: null, ...over }) as File;
const list = (pages: string[][], more: boolean): ListData => ({
  pages: pages.map((names, i) => ({
    items: names.map((n) => file(n)),
    next_cursor: i < pages.length - 1 || more ? `after ${names.at(-1)}` : null,
  })),
  pageParams: pages.map(() => null),
});
const byName = (a: File, b: File): number => (a.name < b.name ? -1 : 1);
const names = (data: ListData): string[][] => data.pages.map((p) => p.items.map((f) => f.name));

test("a new file comes to its place, at the very end only when everything is loaded", () => {
  const half = list([["a", "c"], ["e"]], true);
  expect(names(patchList(half, "p", byName, { file_id: "b", file: file("b") }))).toEqual([["a", "b", "c"], ["e"]]);
  expect(patchList(half, "p", byName, { file_id: "z", file: file("z") })).toBe(half);
  const whole = list([["a", "c"], ["e"]], false);
  expect(names(patchList(whole, "p", byName, { file_id: "z", file: file("z") }))).toEqual([
    ["a", "c"],
    ["e", "z"],
  ]);
});

test("the first file of an empty folder appears", () => {
  expect(names(patchList(list([[]], false), "p", byName, { file_id: "a", file: file("a") }))).toEqual([["a"]]);
});

test("a renamed file moves to its new place and is there once", () => {
  const renamed = file("d", { file_id: "a" });
  expect(names(patchList(list([["a", "c"], ["e"]], false), "p", byName, { file_id: "a", file: renamed }))).toEqual([
    ["c"],
    ["d", "e"],
  ]);
});

test.each([
  ["purged", null],
  ["trashed", file("a", { trashed_at: "2026-01-01T00:00:00Z" })],
  ["moved away", file("a", { parent_id: "other" })],
])("a file that was %s goes", (_, state) => {
  expect(names(patchList(list([["a", "c"]], false), "p", byName, { file_id: "a", file: state }))).toEqual([["c"]]);
});

test("a change elsewhere leaves the very same list, so nothing is drawn again", () => {
  const before = list([["a"]], false);
  expect(patchList(before, "p", byName, { file_id: "x", file: file("x", { parent_id: "other" }) })).toBe(before);
});
