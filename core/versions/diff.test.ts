import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyPatch } from "diff";
import { describe, expect, it } from "vitest";
import { diffTexts, toSideBySide, toUnified } from "./diff.ts";

const lines = (count: number, of: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => `${of(i)}\n`).join("");

const numbered = lines(100, (i) => `line ${i}`);

const cases: [name: string, from: string, to: string][] = [
  ["a line changed", numbered, numbered.replace("line 50\n", "line fifty\n")],
  ["lines added", numbered, numbered.replace("line 7\n", "line 7\nnew\nnew\n")],
  ["lines removed", numbered, numbered.replace("line 7\nline 8\n", "")],
  ["changes at both ends", numbered, `first\n${numbered}last\n`],
  ["from nothing", "", "one\ntwo\n"],
  ["to nothing", "one\ntwo\n", ""],
  ["no newline at the end, before", "one\ntwo", "one\ntwo\n"],
  ["no newline at the end, after", "one\ntwo\n", "one\ntwo"],
  ["no newline at either end", "one\ntwo", "one\nthree"],
  ["ends of lines", "one\r\ntwo\r\n", "one\ntwo\n"],
  ["lines that look like a patch", "--- a\n+++ b\n", "--- a\n@@ -1 +1 @@\n+++ c\n"],
  ["far apart", lines(5_000, (i) => `old ${i}`), lines(5_000, (i) => `new ${i}`)],
  ["far apart but for the ends", `${numbered}${lines(3_000, (i) => `a${i}`)}${numbered}`, `${numbered}x${numbered}`],
  ["far apart, no newline at the end", lines(3_000, (i) => `old ${i}`), `${lines(3_000, (i) => `new ${i}`)}end`],
];

const hasPatch = spawnSync("patch", ["--version"]).status === 0;

describe("V1: a patch", () => {
  it.each(cases)("%s: applied to the one text it gives the other", (_name, from, to) => {
    expect(applyPatch(from, toUnified(diffTexts(from, to), "notes.txt"))).toBe(to);
  });

  it.runIf(hasPatch).each(cases)("%s: for the program patch too", (_name, from, to) => {
    const directory = mkdtempSync(join(tmpdir(), "edgedrive-diff-"));
    const path = join(directory, "notes.txt");
    writeFileSync(path, from);
    const input = toUnified(diffTexts(from, to), "notes.txt");
    execFileSync("patch", ["--binary", "--posix", path], { input });
    const made = readFileSync(path, "utf8");
    rmSync(directory, { recursive: true });
    expect(made).toBe(to);
  });

  it("names the file, three lines around and the numbers", () => {
    const patch = toUnified(diffTexts(numbered, numbered.replace("line 50\n", "line fifty\n")), "a b.txt");
    expect(patch).toMatch(/^--- a\/a b\.txt\t?\n\+\+\+ b\/a b\.txt\t?\n@@ -48,7 \+48,7 @@\n line 47\n/);
  });

  it("of equal texts is empty", () => expect(toUnified(diffTexts(numbered, numbered), "a")).toBe(""));
});

describe("V1: side by side", () => {
  it("equal lines on both sides, changed ones beside each other, the rest on one side", () => {
    const [hunk] = toSideBySide(diffTexts("a\nb\nc\nd\n", "a\nB\nc\nd\ne\n"));
    expect(hunk).toEqual({
      left_start: 1,
      right_start: 1,
      rows: [
        { changed: false, left: { number: 1, text: "a" }, right: { number: 1, text: "a" } },
        { changed: true, left: { number: 2, text: "b" }, right: { number: 2, text: "B" } },
        { changed: false, left: { number: 3, text: "c" }, right: { number: 3, text: "c" } },
        { changed: false, left: { number: 4, text: "d" }, right: { number: 4, text: "d" } },
        { changed: true, left: null, right: { number: 5, text: "e" } },
      ],
    });
  });

  it("of equal texts is empty", () => expect(toSideBySide(diffTexts("a", "a"))).toEqual([]));
});

describe("V3: bounded work", () => {
  it("texts far apart are one replaced block, and said to be", () => {
    const [near, far] = [
      diffTexts("a\nb\n", "a\nc\n"),
      diffTexts(
        lines(5_000, (i) => `a${i}`),
        lines(5_000, String),
      ),
    ];
    expect([near.minimal, far.minimal, far.hunks.length]).toEqual([true, false, 1]);
  });

  it("the worst texts of the largest size take a few seconds at most", { timeout: 20_000 }, () => {
    const random = (): string => lines(100_000, () => "ab"[Math.floor(Math.random() * 2)] as string);
    const begun = performance.now();
    expect(diffTexts(random(), random()).minimal).toBe(false);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});
