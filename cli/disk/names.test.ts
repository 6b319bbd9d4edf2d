import { describe, expect, test } from "vitest";
import { keyOf, refusalOf } from "./names.ts";

const linux = { tells_case: true, tells_forms: true, windows_names: false };
const mac = { tells_case: false, tells_forms: false, windows_names: false };
const windows = { tells_case: false, tells_forms: true, windows_names: true };

describe("LO4: names that a disk cannot hold", () => {
  test.each(["con", "NUL.txt", "com1.tar.gz", "a:b", "ends.", "ends ", "a?", "tab\t", 'quote"', "x".repeat(256)])(
    "Windows: %j",
    (name) => expect(refusalOf(name, windows)).not.toBeNull(),
  );
  test.each(["console", "nul2", "com10", "ö".repeat(200), ".hidden", "a b"])("Windows takes %j", (name) =>
    expect(refusalOf(name, windows)).toBeNull(),
  );
  test.each(["", ".", "..", "a/b", "a\0b", "ö".repeat(128)])("no disk: %j", (name) =>
    expect(refusalOf(name, linux)).not.toBeNull(),
  );
  test("Linux takes what others do not", () => expect(refusalOf("con:?*. ", linux)).toBeNull());
});

describe("LO4: two names that are one", () => {
  const [composed, decomposed] = ["caf\u00e9", "cafe\u0301"];
  test("on Linux only the same bytes are", () => {
    expect(keyOf(composed, linux)).not.toBe(keyOf(decomposed, linux));
    expect(keyOf("A", linux)).not.toBe(keyOf("a", linux));
  });
  test("macOS: case and form are not told apart", () =>
    expect(keyOf(composed.toUpperCase(), mac)).toBe(keyOf(decomposed, mac)));
  test("Windows: case is not, the form is", () => {
    expect(keyOf("Straße.TXT", windows)).toBe(keyOf("straße.txt", windows));
    expect(keyOf(composed, windows)).not.toBe(keyOf(decomposed, windows));
  });
});
