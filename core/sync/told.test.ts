import { expect, test } from "vitest";
import { ToldDrives } from "./told.ts";

test("VD2: numbers of a drive only grow, and only news are news", () => {
  const told = new ToldDrives(1000);
  expect([told.tell("a", 5, 1001), told.tell("a", 5, 1002), told.tell("a", 4, 1003), told.tell("a", 6, 1004)]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect(told.behind(1000)).toEqual({ a: 6 });
});

test("VD2: who looked before the hub was awake must look anew", () => {
  expect(new ToldDrives(1000).behind(999)).toBeNull();
});

test("VD2: a hub that was told too much forgets it, and says so", () => {
  const told = new ToldDrives(1000);
  for (let i = 0; i <= 1000; i++) told.tell(`drive ${i}`, 1, 2000);
  expect(told.behind(1999)).toBeNull();
  expect(told.behind(2000)).toEqual({ "drive 1000": 1 });
});
