import { describe, expect, it } from "vitest";
import { orient, type Pixels, shrink } from "./pixels.ts";

/** Pixels named by their red value; rows as one would draw them. */
function picture(rows: number[][]): Pixels {
  const data = new Uint8ClampedArray(rows.flat().flatMap((value) => [value, 0, 0, 255]));
  return { width: (rows[0] as number[]).length, height: rows.length, data };
}

const rowsOf = ({ width, height, data }: Pixels): number[][] =>
  Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => data[(y * width + x) * 4] as number),
  );

// What must be seen, and how the eight orientations store it (CIPA DC-008, 4.6.4.A).
const SEEN = [
  [1, 2, 3],
  [4, 5, 6],
];
const STORED: Record<number, number[][]> = {
  1: [
    [1, 2, 3],
    [4, 5, 6],
  ],
  2: [
    [3, 2, 1],
    [6, 5, 4],
  ],
  3: [
    [6, 5, 4],
    [3, 2, 1],
  ],
  4: [
    [4, 5, 6],
    [1, 2, 3],
  ],
  5: [
    [1, 4],
    [2, 5],
    [3, 6],
  ],
  6: [
    [3, 6],
    [2, 5],
    [1, 4],
  ],
  7: [
    [6, 3],
    [5, 2],
    [4, 1],
  ],
  8: [
    [4, 1],
    [5, 2],
    [6, 3],
  ],
};

describe("P3: each of the eight orientations is turned to what must be seen", () => {
  it.for(Object.keys(STORED).map(Number))("%i", (orientation) => {
    expect(rowsOf(orient(picture(STORED[orientation] as number[][]), orientation))).toEqual(SEEN);
  });
});

it("P3: what is no orientation changes nothing", () => {
  for (const orientation of [0, 9, -1, 1.5, Number.NaN])
    expect(rowsOf(orient(picture(SEEN), orientation))).toEqual(SEEN);
});

it("shrinks to the mean of the pixels covered", () => {
  const source = {
    ...picture([
      [0, 100, 50, 50],
      [100, 200, 50, 50],
    ]),
    channels: 4 as const,
  };
  expect(rowsOf(shrink(source, 2, 1))).toEqual([[100, 50]]);
});

it("a transparent pixel gives no colour to its neighbours", () => {
  const data = new Uint8ClampedArray([200, 0, 0, 255, 0, 0, 0, 0]);
  expect([...shrink({ width: 2, height: 1, channels: 4, data }, 1, 1).data]).toEqual([200, 0, 0, 128]);
});

it("takes grey and RGB rows as decoders leave them", () => {
  expect([...shrink({ width: 1, height: 1, channels: 1, data: new Uint8Array([9]) }, 1, 1).data]).toEqual([
    9, 9, 9, 255,
  ]);
  const rgb = { width: 1, height: 1, channels: 3 as const, data: new Uint8Array([1, 2, 3]) };
  expect([...shrink(rgb, 1, 1).data]).toEqual([1, 2, 3, 255]);
});
