import { describe, expect, it } from "vitest";
import type { FileRow } from "../files/model.ts";
import { cleanText, TEXT_MAX, toDocument } from "./document.ts";
import { fileTypeOf } from "./file-type.ts";
import { score } from "./rank.ts";
import { decodeText } from "./text.ts";

describe("X3: the type of a file as people name it", () => {
  it.for([
    ["a", "text/plain; charset=utf-8", "text"],
    ["main.rs", null, "text"],
    ["main.rs", "application/octet-stream", "text"],
    ["x", "application/pdf", "pdf"],
    ["x", "image/heic", "image"],
    ["x", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document"],
    ["backup.tar.gz", null, "archive"],
    [".gitignore", null, "other"],
    ["x", "model/gltf+json", "text"],
    ["x", null, "other"],
  ] as const)("%s, %s: %s", ([name, mime_type, type]) => {
    expect(fileTypeOf({ name, mime_type, is_folder: false })).toBe(type);
  });

  it("a folder is a folder", () =>
    expect(fileTypeOf({ name: "a.pdf", mime_type: null, is_folder: true })).toBe("folder"));
});

describe("X2: text in the encodings that files have", () => {
  const utf16 = (text: string, little: boolean): Uint8Array => {
    const bytes = new Uint8Array(2 + text.length * 2);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, 0xfeff, little);
    for (let i = 0; i < text.length; i++) view.setUint16(2 + i * 2, text.charCodeAt(i), little);
    return bytes;
  };

  it.for([
    ["UTF-8", new TextEncoder().encode("Grünau")],
    ["UTF-8 with a mark", new Uint8Array([0xef, 0xbb, 0xbf, ...new TextEncoder().encode("Grünau")])],
    ["UTF-16 little endian", utf16("Grünau", true)],
    ["UTF-16 big endian", utf16("Grünau", false)],
    ["Latin-1", new Uint8Array([0x47, 0x72, 0xfc, 0x6e, 0x61, 0x75])],
  ] as const)("%s", ([, bytes]) => {
    expect(decodeText(bytes, false)).toBe("Grünau");
  });

  it("a cut through a character is no Latin-1", () => {
    expect(decodeText(new TextEncoder().encode("Grü").subarray(0, 3), true)).toBe("Gr");
  });

  it("what is no text has none", () => {
    expect(
      decodeText(
        new Uint8Array(1000).map((_, i) => i % 256),
        false,
      ),
    ).toBeNull();
  });
});

it("X2: text is bounded, whole characters, without the marks of snippets", () => {
  expect(cleanText("a\u0002b\u0003c\u0000d\te\n")).toBe("a b c d\te\n");
  const long = cleanText("😀".repeat(TEXT_MAX));
  expect(long.length).toBe(TEXT_MAX);
  expect(cleanText(`x${"😀".repeat(TEXT_MAX)}`).isWellFormed()).toBe(true);
});

it("X3: the user's own metadata is text too", () => {
  const file = { file_id: "f", name: "n", metadata: { client: "Kestrel Ltd", year: 2026, paid: null } };
  const { metadata } = toDocument({ ...file, mime_type: null, is_folder: false } as unknown as FileRow, "", 1);
  expect(metadata).toBe("client Kestrel Ltd\nyear 2026\npaid ");
});

it("X5: a name that is what was typed goes before one that has it, before text, before old text", () => {
  const now = Date.now();
  const year = 365 * 86_400_000;
  const of = (name: string, bm25: number, age = 0): number =>
    score({ name, bm25, updated_at: now - age }, ["report"], now);
  const ordered = [
    of("Report.pdf", -1),
    of("the report 2.pdf", -3),
    of("reporting.txt", -3),
    of("x.txt", -9),
    of("x.txt", -9, year),
  ];
  expect(ordered).toEqual(ordered.toSorted((a, b) => b - a));
  expect(new Set(ordered).size).toBe(ordered.length);
});
