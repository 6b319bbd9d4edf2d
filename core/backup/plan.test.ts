import { describe, expect, it } from "vitest";
import type { End } from "./model.ts";
import { fullsOf, newSegment, parseSegment, type SegmentName } from "./names.ts";
import { chainOf } from "./plan.ts";
import { keptSets } from "./retention.ts";

const DRIVE = "019a0000-0000-8000-8000-000000000001";
const end = (upto: number): End => ({
  kind: "end",
  started_at: 0,
  ended_at: 100,
  chunks: [],
  upto: { [DRIVE]: upto },
  rows: 0,
});
const segment = (at: number, from: number, upto: number, is_cut = true): SegmentName => ({
  name: `${at}`,
  drive_id: DRIVE,
  at,
  from,
  upto,
  is_cut,
});
const names = (segments: readonly SegmentName[]): string[] => segments.map(({ name }) => name);

describe("chains", () => {
  it("BK3: a segment's name tells what it is", () => {
    const told = { drive_id: DRIVE, at: 1_790_000_000_000, from: 7, upto: 12, is_cut: true };
    const name = newSegment(9, told);
    expect(name).toMatch(/^backup\/9\/journal\//);
    expect(parseSegment(name)).toEqual({ name, ...told });
    expect(parseSegment("backup/9/full/x")).toBeNull();
  });

  it("BK8: segments follow the full backup up to the last cut before the moment", () => {
    const all = [segment(110, 5, 9), segment(120, 9, 12, false), segment(121, 12, 14), segment(130, 14, 20, false)];
    expect(names(chainOf(end(5), all, 1000).segments)).toEqual(["110", "120", "121"]);
    expect(names(chainOf(end(5), all, 120).segments)).toEqual(["110"]);
    expect(chainOf(end(5), all, 120).cuts[DRIVE]).toEqual({ upto: 9, at: 110 });
    expect(chainOf(end(5), [], 120).cuts[DRIVE]).toEqual({ upto: 5, at: 100 });
  });

  it("BK8: what was read before the full backup ended is left out, and one that overlaps it follows", () => {
    const all = [segment(50, 2, 4), segment(110, 4, 9)];
    expect(names(chainOf(end(5), all, 1000).segments)).toEqual(["110"]);
  });

  it("BK8: a missing segment is told, and nothing behind it is used", () => {
    const chain = chainOf(end(5), [segment(110, 5, 9), segment(130, 12, 20)], 1000);
    expect([names(chain.segments), chain.gaps]).toEqual([["110"], [DRIVE]]);
    expect(chainOf(end(5), [segment(110, 5, 9), segment(130, 7, 20)], 1000).gaps).toEqual([]);
  });
});

describe("what is kept", () => {
  const DAY = 24 * 60 * 60 * 1000;
  const set = (started_at: number) => ({ set: String(started_at), started_at });

  it("BK12: one a day for 32 days, one a week for 90, and always the newest", () => {
    const now = 1000 * DAY;
    let there: ReturnType<typeof set>[] = [];
    for (let day = 800; day <= 1000; day++) {
      there.push(set(day * DAY));
      const keep = keptSets(there, day * DAY);
      there = there.filter((one) => keep.has(one.set));
    }
    const kept = there.map(({ started_at }) => started_at);
    expect(kept.filter((at) => now - at <= 32 * DAY)).toHaveLength(33);
    const older = kept.filter((at) => now - at > 32 * DAY);
    expect(older.every((at) => (at / DAY) % 7 === 0 && now - at <= 90 * DAY)).toBe(true);
    expect(older.length).toBeGreaterThanOrEqual(8);
    expect([...keptSets([set(1)], now)]).toEqual(["1"]);
  });

  it("BK12: before each moment of the last 30 days a full backup is left that is a day older at most", () => {
    const now = 1000 * DAY;
    const daily = Array.from({ length: 60 }, (_, days) => set(now - days * DAY - DAY / 3));
    const kept = [...keptSets(daily, now)].map(Number);
    for (let at = now - 30 * DAY; at <= now; at += DAY / 4)
      expect(kept.some((started) => started <= at - 3_600_000 && at - started <= 1.5 * DAY)).toBe(true);
  });

  it("BK12: of the last two days all are kept, then the first of each day", () => {
    const now = 1000 * DAY;
    const often = Array.from({ length: 5 * 24 }, (_, hours) => set(now - hours * (DAY / 24)));
    const kept = [...keptSets(often, now)].map(Number);
    expect(kept.filter((at) => now - at <= 2 * DAY)).toHaveLength(49);
    expect(kept.filter((at) => now - at > 2 * DAY).length).toBeLessThanOrEqual(4);
  });

  it("BK3: a folder without an end is no backup", () => {
    const [newer, older] = fullsOf([
      "backup/9/full/00000000000002-ab/c1",
      "backup/9/full/00000000000001-ab/c1",
      "backup/9/full/00000000000001-ab/end-cd",
    ]);
    expect([newer?.end, older?.end]).toEqual([null, "backup/9/full/00000000000001-ab/end-cd"]);
  });
});
