import { expect, test } from "vitest";
import { formatRate, formatSize, formatTimeLeft, formatWhen } from "./format.ts";

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [999, "999 bytes"],
  [1536, "1.5 kB"],
  [99_940, "99.9 kB"],
  [999_950, "1 MB"],
  [314_572_800, "315 MB"],
  [5e12, "5 TB"],
  [5e16, "50,000 TB"],
])("a size of %d bytes reads %s", (bytes, text) => expect(formatSize(bytes, "en")).toBe(text));

test("a rate is a size per second", () => expect(formatRate(2_400_000, "en")).toBe("2.4 MB/s"));

test.each([
  [0.2, "1 second"],
  [7.1, "8 seconds"],
  [41, "45 seconds"],
  [56, "about 1 minute"],
  [150, "about 3 minutes"],
  [7300, "about 2 hours"],
  [200_000, "about 2 days"],
])("%d seconds left read %s", (seconds, text) => expect(formatTimeLeft(seconds, "en")).toBe(text));

test("a time reads shorter the nearer it is", () => {
  const now = new Date(2026, 10, 20, 15, 0);
  expect(formatWhen(new Date(2026, 10, 20, 9, 5).toISOString(), now, "en-GB")).toBe("9:05");
  expect(formatWhen(new Date(2026, 2, 1, 9, 5).toISOString(), now, "en-GB")).toBe("1 Mar");
  expect(formatWhen(new Date(2024, 2, 1, 9, 5).toISOString(), now, "en-GB")).toBe("1 Mar 2024");
});
