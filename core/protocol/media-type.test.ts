import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mimeTypeSchema, parseMediaType } from "./media-type.ts";

describe("T1: what is a media type", () => {
  it.for([
    ["text/plain", "text/plain", "text/plain"],
    ["IMAGE/SVG+xml", "image/svg+xml", "image/svg+xml"],
    ["Text/HTML;Charset=UTF-8", "text/html", "text/html; charset=UTF-8"],
    ['video/mp4; codecs="avc1.42E01E"', "video/mp4", 'video/mp4; codecs="avc1.42E01E"'],
    ['text/plain; a="b\\"c;d" ; e=f', "text/plain", 'text/plain; a="b\\"c;d"; e=f'],
    ["application/vnd.oasis.opendocument.text", undefined, "application/vnd.oasis.opendocument.text"],
  ] as const)("%s", ([said, essence, text]) => {
    expect(parseMediaType(said)).toEqual({ essence: essence ?? said, text });
    expect(mimeTypeSchema.parse(said)).toBe(text);
  });

  it.for([
    "",
    "image",
    "image/",
    "/png",
    "image/png;,text/html",
    "image/png, text/html",
    'image/png; a="b,text/html"',
    "image/png; a",
    "image/png;",
    "image/png; a=",
    'image/png; a="b',
    "image/png; ä=b",
    "image/png; a=ü",
    "image/png\r\nset-cookie: a=b",
    "image/png; a=b\r\nc: d",
    'image/png; a="b\r\nc: d"',
    "image/png; a=b\u0000",
    "image/png\tx",
    "ima ge/png",
    "image/png/x",
    `image/${"x".repeat(200)}`,
  ])("%j is none", (said) => {
    expect(mimeTypeSchema.safeParse(said).success).toBe(false);
  });

  it("whatever is taken can stand in a header, reads the same again, and takes no long look", () => {
    const part = fc.constantFrom("image/png", ";", " ", "a=b", "=", '"', "\\", ",", "\n", "\u0000", "ü", "a", "/");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60 }), (parts) => {
        const taken = mimeTypeSchema.safeParse(`image/png${parts.join("")}`);
        if (!taken.success) return;
        expect(taken.data).toMatch(/^[ -+\x2d-~]+$/);
        expect(mimeTypeSchema.parse(taken.data)).toBe(taken.data);
        expect(() => new Headers({ "content-type": taken.data })).not.toThrow();
      }),
    );
    const began = performance.now();
    for (const bad of [
      "image/png" + "; a=b".repeat(38) + "\n",
      "image/png" + " ;".repeat(95),
      `a/b; c="${"\\".repeat(190)}`,
    ])
      expect(mimeTypeSchema.safeParse(bad).success).toBe(false);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
