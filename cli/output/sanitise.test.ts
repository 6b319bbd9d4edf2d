import { expect, test } from "vitest";
import { Output } from "./output.ts";
import { sanitise } from "./sanitise.ts";

test.each([
  ["\u001b]0;owned\u0007", "\\x1b]0;owned\\x07"],
  ["a\rb\nc\td", "a\\x0db\\x0ac\\x09d"],
  ["\u009b31m", "\\x9b31m"],
  ["photo\u202egpj.exe", "photo\\u202egpj.exe"],
  ["\u2066a\u2069", "\\u2066a\\u2069"],
  ["\ud800", "\\ud800"],
  ["Ünïcödé 日本語 👩‍👩‍👧 ok", "Ünïcödé 日本語 👩‍👩‍👧 ok"],
])("CLI4: %j is shown as %j", (text, shown) => expect(sanitise(text)).toBe(shown));

const sink = (isTTY: boolean) => {
  const written: string[] = [];
  return { isTTY, columns: 40, written, write: (text: unknown) => written.push(String(text)) > 0 };
};

test("CLI2: results go to standard output, notes to standard error, and JSON is not touched", () => {
  const stdout = sink(true);
  const stderr = sink(true);
  const out = new Output({ json: true, stdout, stderr });
  out.result({ name: "a\u001bb" }, () => ["never"]);
  out.status("1 of 2");
  out.note("bad \u001b[2J");
  expect(stdout.written).toEqual([`${JSON.stringify({ name: "a\u001bb" })}\n`]);
  expect(stderr.written).toEqual(["bad \\x1b[2J\n"]);
});

test("CLI2: progress is one line, only for a terminal, cut to its width and taken away again", () => {
  const stderr = sink(true);
  const out = new Output({ json: false, stdout: sink(false), stderr });
  out.status("x".repeat(100));
  out.status("");
  expect(stderr.written).toEqual([`\r\u001b[2K${"x".repeat(38)}…`, "\r\u001b[2K"]);
  const pipe = sink(false);
  new Output({ json: false, stdout: sink(false), stderr: pipe }).status("1 of 2");
  expect(pipe.written).toEqual([]);
});
