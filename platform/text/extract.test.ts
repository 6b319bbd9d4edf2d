import { expect, it } from "vitest";
import type { FileRow } from "../../core/files/model.ts";
import { fixtures } from "../../test/support/workerd/fixtures.ts";
import { extractText } from "./extract.ts";

const fileOf = (name: string, size: number): FileRow =>
  ({ name, size, mime_type: null, is_folder: false }) as unknown as FileRow;

const textOf = (name: string, bytes: Uint8Array): Promise<string> =>
  extractText(fileOf(name, bytes.length), async (length) => bytes.slice(0, length));

it("X2: the text of every page of a PDF as browsers write it", { timeout: 20_000 }, async () => {
  const text = await textOf("letter.pdf", fixtures["letter.pdf"]);
  expect(text).toContain("Kestrel survey 2026");
  expect(text).toContain("Grünau");
  expect(text).toContain("zweiundvierzig");
});

it("X2: what only says that it is a PDF has no text, and is no failure", async () => {
  expect(await textOf("broken.pdf", new TextEncoder().encode("%PDF-1.7 nonsense"))).toBe("");
  expect(await textOf("empty.pdf", new Uint8Array())).toBe("");
});

it("X2: text is read to its bound, not to its end", async () => {
  const asked: number[] = [];
  await extractText(fileOf("large.txt", 10_000_000), async (length) => {
    asked.push(length);
    return new TextEncoder().encode("word ".repeat(length / 5));
  });
  expect(asked).toEqual([1024 * 1024]);
});
