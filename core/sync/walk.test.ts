import { describe, expect, test } from "vitest";
import { newId } from "../protocol/ids.ts";
import { formatPosition, parsePosition } from "./walk.ts";

const id = newId(7, Date.now());

describe("a place in a snapshot", () => {
  test("SN2: comes back as it was, whatever the names, and fits into an address", () => {
    const deep = Array.from({ length: 128 }, () => [id, "ünï 文.txt"] as const);
    for (const position of [
      { item_id: "", places: [] },
      { item_id: id, places: deep },
    ]) {
      const text = formatPosition(position);
      expect(parsePosition(text)).toEqual(position);
      expect(text.length).toBeLessThan(16_384);
      expect(text).toMatch(/^[\w-]*$/);
    }
  });

  test("SN2: what is none of ours is refused", () => {
    for (const wrong of ["x", "%", btoa("{}"), btoa('["",[["a","b"]]]'), btoa(`["${id}"]`)])
      expect(() => parsePosition(wrong), wrong).toThrow("not one of ours");
  });
});
