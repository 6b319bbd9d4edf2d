import { expect, test } from "vitest";
import { parseRemote } from "../drive/paths.ts";
import { parseDuration } from "./duration.ts";
import { parseRate } from "./rate.ts";

test.each([
  ["90m", 5400],
  ["7d", 604_800],
])("a length of time: %s", (text, seconds) => expect(parseDuration(text)).toBe(seconds));
test.each(["", "7", "0d", "-1h", "1y", "1.5h"])("no length of time: %j", (text) =>
  expect(() => parseDuration(text)).toThrow("not a length of time"),
);

test.each([
  ["500k", 500_000],
  ["2M", 2_000_000],
  ["1.5MB/s", 1_500_000],
  ["800", 800],
])("a rate: %s", (text, rate) => expect(parseRate(text)).toBe(rate));
test.each(["", "0", "fast", "-1M", "1T"])("no rate: %j", (text) => expect(() => parseRate(text)).toThrow("not a rate"));

test.each([
  ["drive:", [], true],
  ["drive:/", [], true],
  ["drive:/Docs/", ["Docs"], true],
  ["drive:Docs//./a.txt", ["Docs", "a.txt"], false],
  ["drive:/e\u0301", ["\u00e9"], false],
])("CLI1: %s is a path of the drive", (path, names, folder) => expect(parseRemote(path)).toEqual({ names, folder }));
test("CLI1: other paths are local, and none leads up", () => {
  expect(() => parseRemote("Docs/a.txt")).toThrow("not a path of the drive");
  expect(() => parseRemote("drive:/a/../b")).toThrow("no “..”");
});
