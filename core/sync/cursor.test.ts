import { expect, test } from "vitest";
import { newId } from "../protocol/ids.ts";
import { formatSyncCursor, parseSyncCursor } from "./cursor.ts";

const cursorOf = (count: number) => ({
  looked_at: 1_800_000_000_000,
  is_behind: count % 2 === 1,
  drives: new Map(Array.from({ length: count }, (_, i) => [newId(i + 1, Date.now()), i * 1_000_003])),
});

test("J3: a cursor comes back as it was; nothing is no cursor", () => {
  for (const count of [0, 1, 3]) {
    const cursor = cursorOf(count);
    expect(parseSyncCursor(formatSyncCursor(cursor))).toEqual(cursor);
  }
  expect(parseSyncCursor("")).toEqual({ drives: new Map(), looked_at: 0, is_behind: false });
});

test("VD1: that of 500 drives fits into an address", () => {
  const text = formatSyncCursor(cursorOf(500));
  expect(text.length).toBeLessThan(16_000);
  expect(text).toMatch(/^[\w-]+$/);
});

test("J3: what is none of ours is refused, however it is wrong", () => {
  const text = formatSyncCursor(cursorOf(2));
  const wrong = ["x", "%", "e30", text.slice(0, -4), `${text}AAAA`, text.replace(/^../, "zz")];
  for (const one of wrong) expect(() => parseSyncCursor(one), one).toThrow("not one of ours");
});
