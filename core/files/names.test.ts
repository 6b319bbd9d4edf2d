import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DriveError } from "../protocol/errors.ts";
import { freeName, nameKey, numberedPrefix, parseName } from "./names.ts";

describe("names", () => {
  it.each([
    "",
    ".",
    "..",
    "a/b",
    "a\\b",
    "a:b",
    "nul\0",
    "tab\t",
    "\u007f",
    "\ud800",
    "x".repeat(256),
    "é".repeat(128),
  ])("N1: refuses %j", (name) => {
    expect(() => parseName(name)).toThrow(DriveError);
  });

  it("N1: the error names the character", () => {
    expect(() => parseName("what?.txt")).toThrow("“?” (U+003F)");
    expect(() => parseName("bell\u0007")).toThrow("U+0007");
  });

  it("N2: stores NFC", () => {
    expect(parseName("cafe\u0301")).toBe("caf\u00e9");
  });

  it.each([
    ["README.md", "readme.MD"],
    ["caf\u00e9", "CAFE\u0301"],
    ["straße", "STRASSE"],
  ])("N3: %s and %s clash", (a, b) => {
    expect(nameKey(a)).toBe(nameKey(b));
  });

  const anyName = fc
    .oneof(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 120 }),
      fc
        .tuple(fc.string({ unit: "grapheme-ascii", maxLength: 254 }), fc.string({ unit: "grapheme", maxLength: 254 }))
        .map(([stem, extension]) => `${stem}.${extension}`),
      fc.integer({ min: 1, max: 253 }).map((n) => `a.${"x".repeat(n)}`),
      fc.integer({ min: 1, max: 84 }).map((n) => "ΣΟΣ".slice(0, 1).repeat(n)),
    )
    .filter((name) => {
      try {
        return parseName(name) === name;
      } catch {
        return false;
      }
    });

  it("N4: a free name keeps the extension and is free", () => {
    const taken = new Set(["photo.jpg", "photo (2).jpg"]);
    expect(freeName("photo.jpg", (key) => taken.has(key))).toBe("photo (3).jpg");
  });

  it("N4: a free name of any name is a name, and its key begins as those of all numbered copies do", () => {
    fc.assert(
      fc.property(anyName, fc.integer({ min: 0, max: 12 }), (name, copies) => {
        const taken = new Set<string>();
        for (let i = 0; i <= copies; i++) {
          const free = freeName(name, (key) => taken.has(key));
          expect(parseName(free)).toBe(free);
          expect(nameKey(free).startsWith(numberedPrefix(name))).toBe(true);
          taken.add(nameKey(free));
        }
      }),
      { numRuns: 200 },
    );
  });
});
