import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameKey, parseName } from "../files/names.ts";
import { conflictName, conflictPrefix, deviceLabel, hasSeen, stamp } from "./conflicts.ts";

const brackets = (name: string): number => name.split(" (").length;
const none = (): boolean => false;
const anyName = fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }).filter((name) => {
  try {
    return parseName(name) === name;
  } catch {
    return false;
  }
});
const anyDevice = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 100 }),
  fc.constantFrom("Laptop", "Mr. Smith’s (old) PC", "2", "", "   ", "…", "a/b", "\u202Egnp", "é".repeat(99)),
);

describe("CF1: what a base has seen", () => {
  it("a change and all before it of the same device, none after it", () => {
    const first = stamp({ b: 7 }, { device_id: "a" });
    const second = stamp(first.vector, { device_id: "a" });
    expect([first.dot, second.dot, second.vector]).toEqual(["a:1", "a:2", { a: 2, b: 7 }]);
    expect([first.vector, second.vector].map((base) => hasSeen(base, first.dot))).toEqual([true, true]);
    expect([{}, { b: 9 }, first.vector, second.vector].map((base) => hasSeen(base, second.dot))).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  it("what is older than dots; and what no device made counts as a device of its own", () => {
    expect(hasSeen({}, "")).toBe(true);
    const { dot } = stamp({}, { device_id: null });
    expect([hasSeen({}, dot), hasSeen({ server: 1 }, dot)]).toEqual([false, true]);
  });
});

describe("CF10: names of conflict copies", () => {
  it("bear the device; a copy of a copy has a counter and no second bracket, whichever device made it", () => {
    expect(conflictName("notes.txt", "Laptop", false, none)).toBe("notes (Laptop).txt");
    const taken = new Set(["notes (Laptop).txt"].map(nameKey));
    const isTaken = (key: string): boolean => taken.has(key);
    expect(conflictName("notes.txt", "Laptop", false, isTaken)).toBe("notes (Laptop) (2).txt");
    expect(conflictName("notes (Laptop).txt", "Laptop", true, isTaken)).toBe("notes (Laptop) (2).txt");
    expect(conflictName("notes (Laptop).txt", "Phone", true, isTaken)).toBe("notes (Laptop) (2).txt");
    taken.add(nameKey("notes (Laptop) (2).txt"));
    expect(conflictName("notes (Laptop) (2).txt", "Phone", true, isTaken)).toBe("notes (Laptop) (3).txt");
  });

  it("keep brackets that are the file's own", () => {
    expect(conflictName("photo (2).jpg", "Laptop", false, none)).toBe("photo (2) (Laptop).jpg");
    expect(conflictName("report (final).pdf", "Laptop", false, none)).toBe("report (final) (Laptop).pdf");
    expect(conflictName(".profile", "Laptop", false, none)).toBe(".profile (Laptop)");
  });

  it("a device's name is portable, 40 characters at most, and there is always one", () => {
    expect(deviceLabel('Ann’s: "Mac/Book" (work)')).toBe("Ann’s MacBook work");
    expect(deviceLabel("2")).toBe("device 2");
    expect([...deviceLabel("é".repeat(99))]).toHaveLength(40);
    for (const name of [null, undefined, "", "  ", "...", "\u202E"]) expect(deviceLabel(name)).toBe("another device");
  });

  it("are names, begin as the prefix says, and are never nested, however often", () => {
    fc.assert(
      fc.property(anyName, fc.array(anyDevice, { minLength: 1, maxLength: 8 }), (name, devices) => {
        const taken = new Set([nameKey(name)]);
        let last = name;
        for (const [i, device] of devices.entries()) {
          const copy = conflictName(last, device, i > 0, (key) => taken.has(key));
          expect(parseName(copy)).toBe(copy);
          expect(taken.has(nameKey(copy))).toBe(false);
          expect(nameKey(copy).startsWith(conflictPrefix(last, device, i > 0))).toBe(true);
          taken.add(nameKey(copy));
          if (i > 0) expect(brackets(copy)).toBeLessThanOrEqual(brackets(name) + 2);
          last = copy;
        }
      }),
    );
  });
});
