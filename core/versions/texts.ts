/** The text of a version, for a comparison. docs/spec/versions.md, V2 and V3. */
import { isPlainText } from "../previews/rules.ts";
import type { FileRow } from "../files/model.ts";
import { DriveError } from "../protocol/errors.ts";
import { decodeText } from "../search/text.ts";

/** Bytes and lines of a text that is compared: two of them, cut into lines, must fit beside each other in memory. */
export const TEXT_MAX = 1024 * 1024;
export const LINES_MAX = 100_000;

const notText = (): DriveError => new DriveError("not_text", "Only versions of text can be compared.");
const tooLarge = (): DriveError =>
  new DriveError("payload_too_large", `Texts of up to ${TEXT_MAX} bytes and ${LINES_MAX} lines can be compared.`, {
    max_bytes: TEXT_MAX,
    max_lines: LINES_MAX,
  });

/** By name, type and size, before a byte is read. Throws `not_text` or `payload_too_large`. */
export function requireComparable(version: Parameters<typeof isPlainText>[0] & Pick<FileRow, "size">): void {
  if (!isPlainText(version)) throw notText();
  if (version.size > TEXT_MAX) throw tooLarge();
}

/** Throws `not_text` or `payload_too_large`. */
export function textOf(bytes: Uint8Array): string {
  let lines = 1;
  for (const byte of bytes) if (byte === 0x0a) lines++;
  if (lines > LINES_MAX) throw tooLarge();
  const text = decodeText(bytes, false);
  if (text === null) throw notText();
  return text;
}
