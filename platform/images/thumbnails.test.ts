import { describe, expect, it } from "vitest";
import { admit } from "../../core/previews/rules.ts";
import type { PictureHeader } from "../../core/previews/header.ts";
import { fixtures } from "../../test/support/workerd/fixtures.ts";
import { makeThumbnails } from "./thumbnails.ts";
import { decodeWebp } from "./webp.ts";

type Rgb = [number, number, number];
const CORNERS: Rgb[] = [
  [210, 40, 40],
  [40, 180, 60],
  [40, 70, 200],
  [220, 200, 40],
];

/** The colours in the middle of the four quarters. */
async function corners(webp: Uint8Array): Promise<{ width: number; height: number; colours: Rgb[] }> {
  const { width, height, data } = await decodeWebp(webp);
  const at = (x: number, y: number): Rgb => {
    const i = (Math.floor(y * height) * width + Math.floor(x * width)) * 4;
    return [data[i] as number, data[i + 1] as number, data[i + 2] as number];
  };
  return { width, height, colours: [at(0.25, 0.25), at(0.75, 0.25), at(0.25, 0.75), at(0.75, 0.75)] };
}

const isNear = (a: Rgb, b: Rgb): boolean => a.every((value, i) => Math.abs(value - (b[i] as number)) < 70);

describe("P3: three sizes, upright, from every format that is decoded", () => {
  it.for([
    ["upright-phone.jpg", 600, 900],
    ["progressive.jpg", 300, 200],
    ["transparent.png", 300, 200],
    ["picture.webp", 300, 200],
    ["animation.gif", 120, 80],
  ] as const)("%s", async ([name, width, height]) => {
    const bytes = fixtures[name];
    const made = await makeThumbnails(bytes, admit(bytes) as PictureHeader);
    const large = await corners(made.l);
    expect([large.width, large.height]).toEqual([width, height]);
    for (const size of ["s", "m", "l"] as const) {
      const { colours } = await corners(made[size]);
      expect(colours.map((c, i) => isNear(c, CORNERS[i] as Rgb))).toEqual([true, true, true, true]);
    }
    const small = await corners(made.s);
    expect(Math.max(small.width, small.height)).toBe(Math.min(128, Math.max(width, height)));
  });
});

it("P4: nothing of the source's metadata is in a thumbnail", async () => {
  const bytes = fixtures["upright-phone.jpg"];
  expect(new TextDecoder("latin1").decode(bytes)).toContain("Exif");
  const { l } = await makeThumbnails(bytes, admit(bytes) as PictureHeader);
  const text = new TextDecoder("latin1").decode(l);
  expect(text).not.toMatch(/Exif|EXIF|XMP/);
});

it("P3: thumbnails are small", async () => {
  const bytes = fixtures["upright-phone.jpg"];
  // Lossless WebP of it, which is what some encoders make, has 900 kB.
  const { s, m, l } = await makeThumbnails(bytes, admit(bytes) as PictureHeader);
  expect(s.length).toBeLessThan(5_000);
  expect(m.length).toBeLessThan(l.length);
  expect(l.length).toBeLessThan(60_000);
});
