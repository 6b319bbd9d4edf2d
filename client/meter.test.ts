import { expect, test } from "vitest";
import { Meter } from "./meter.ts";

test("says nothing before there is enough to judge by", () => {
  const meter = new Meter();
  meter.sample(0, 0);
  meter.sample(500, 100);
  expect(meter.progress(500, 1000, 100)).toEqual({ sent: 500, total: 1000, rate: null, left_s: null });
});

test("rate is bytes a second, time left is what is left at that rate", () => {
  const meter = new Meter();
  for (let s = 0; s <= 4; s++) meter.sample(s * 1000, s * 1000);
  expect(meter.progress(4000, 10_000, 4000)).toEqual({ sent: 4000, total: 10_000, rate: 1000, left_s: 6 });
});

test("follows a network that changes, and falls when nothing arrives", () => {
  const meter = new Meter();
  for (let s = 0; s <= 20; s++) meter.sample(Math.min(s, 10) * 1000 + Math.max(0, s - 10) * 10, s * 1000);
  expect(meter.rate(20_000)).toBeCloseTo(10, 0);
  expect(meter.rate(60_000)).toBeLessThan(3);
});

test("bytes taken back by a retry never make the rate negative", () => {
  const meter = new Meter();
  meter.sample(5000, 0);
  meter.sample(1000, 2000);
  expect(meter.rate(2000)).toBe(0);
});
