import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DriveError } from "../protocol/errors.ts";
import { conflictName, freeName, NAME_MAX_BYTES, nameKey, parseName } from "./names.ts";

const bytes = (s: string): number => new TextEncoder().encode(s).length;

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

  it("N4: a free name keeps the extension, is free, and fits", () => {
    const taken = new Set(["photo.jpg", "photo (2).jpg"]);
    expect(freeName("photo.jpg", (key) => taken.has(key))).toBe("photo (3).jpg");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }), (name) => {
        expect(bytes(freeName(name, () => false))).toBeLessThanOrEqual(Math.max(NAME_MAX_BYTES, 0));
      }),
    );
  });

  it("N5: a conflict name is never nested", () => {
    const none = (): boolean => false;
    const once = conflictName("notes.txt", "Laptop", none);
    expect(once).toBe("notes (Laptop).txt");
    expect(conflictName(once, "Laptop", (key) => key === nameKey(once))).toBe("notes (Laptop) (2).txt");
  });
});
