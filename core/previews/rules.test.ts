import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readHeader } from "./header.ts";
import { admit, fit, mayHavePicture } from "./rules.ts";

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../../test/fixtures/${name}`, import.meta.url));

/** A PNG of this size by its header alone: what a decompression bomb says. */
function pngHeader(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  new DataView(bytes.buffer).setUint32(16, width);
  new DataView(bytes.buffer).setUint32(20, height);
  return bytes;
}

const file = (fields: object) => ({
  name: "a.jpg",
  mime_type: "image/jpeg",
  is_folder: false,
  size: 1000,
  content_id: "c",
  ...fields,
});

describe("P2: dimensions come from the header, before anything is decoded", () => {
  it.for([
    ["upright-phone.jpg", "jpeg", 900, 600],
    ["progressive.jpg", "jpeg_progressive", 300, 200],
    ["transparent.png", "png", 300, 200],
    ["picture.webp", "webp", 300, 200],
    ["animation.gif", "gif", 120, 80],
  ] as const)("%s", ([name, format, width, height]) => {
    expect(readHeader(fixture(name))).toEqual({ format, width, height });
  });

  it("what is no picture has no header", () => {
    expect(readHeader(fixture("letter.pdf"))).toBeNull();
    expect(readHeader(new Uint8Array())).toBeNull();
  });

  it("never throws, whatever the bytes", () => {
    const starts = ["upright-phone.jpg", "transparent.png", "picture.webp", "animation.gif"].map(fixture);
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.nat(400), fc.uint8Array({ maxLength: 60 }), (start, cut, noise) => {
        const bytes = new Uint8Array([...start.subarray(0, cut), ...noise]);
        expect([null, "object"]).toContain(readHeader(bytes) === null ? null : typeof readHeader(bytes));
      }),
    );
  });
});

describe("P2: a picture larger than its decoder's bound is not decoded", () => {
  it.for([
    [50_000, 50_000],
    [4_294_967_295, 1],
    [2_500, 2_500],
    [0, 10],
  ] as const)("PNG of %i x %i", ([width, height]) => {
    expect(admit(pngHeader(width, height))).toBeNull();
  });

  it("within it, it is", () => expect(admit(pngHeader(2_400, 2_400))).not.toBeNull());
});

describe("P1: which files have a picture is known before a byte is read", () => {
  it.for([
    [{}, true],
    [{ mime_type: null }, true],
    [{ mime_type: "application/octet-stream", name: "A.JPEG" }, true],
    [{ mime_type: "text/plain" }, false],
    [{ mime_type: "image/svg+xml", name: "a.svg" }, false],
    [{ is_folder: true }, false],
    [{ size: 0 }, false],
    [{ size: 100_000_000 }, false],
    [{ name: "a.txt", mime_type: null }, false],
  ] as const)("%o: %s", ([fields, expected]) => {
    expect(mayHavePicture(file(fields))).toBe(expected);
  });
});

it("fits into the square and is never enlarged", () => {
  expect(fit(4000, 3000, 1600)).toEqual({ width: 1600, height: 1200 });
  expect(fit(100, 50, 512)).toEqual({ width: 100, height: 50 });
  expect(fit(10_000, 1, 128)).toEqual({ width: 128, height: 1 });
});
