/** Text of bytes in the encodings that files really have. docs/spec/search.md, X2. */
import { fileTypeOf, type Named } from "./file-type.ts";

/** Bytes of a text file that are read: enough for the text that is kept, in any encoding. */
export const TEXT_BYTES_MAX = 1024 * 1024;

const MiB = 1024 * 1024;

/** Bytes of a PDF that are read into memory; the parser keeps about as much again. */
export const PDF_MAX = 16 * MiB;
/** Of a PDF, as measured: 36 ms each. */
const PAGES_A_PIECE = 20;

/**
 * What the text of a file costs, in pieces of up to about 0.7 s of CPU time; 0 for what has none that we can read.
 * @param pages that were read of a PDF; 0 before it is known
 */
export function textWork(file: Named & { size: number }, pages: number): number {
  const type = fileTypeOf(file);
  if (type !== "pdf") return type === "text" ? 1 : 0;
  if (file.size > PDF_MAX) return 0;
  return Math.max(1, Math.ceil(file.size / MiB), Math.ceil(pages / PAGES_A_PIECE));
}

const BYTE_ORDER_MARKS: [number[], string][] = [
  [[0xef, 0xbb, 0xbf], "utf-8"],
  [[0xff, 0xfe], "utf-16le"],
  [[0xfe, 0xff], "utf-16be"],
];

const marked = (bytes: Uint8Array): string | undefined =>
  BYTE_ORDER_MARKS.find(([mark]) => mark.every((byte, i) => bytes[i] === byte))?.[1];

/** The encoding of text without a mark: UTF-8 where it is valid, else Windows-1252, of which Latin-1 is a part. */
function guess(bytes: Uint8Array, isCut: boolean): string {
  try {
    // A cut may go through a character: the decoder is told that more could follow.
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes, { stream: isCut });
    return "utf-8";
  } catch {
    return "windows-1252";
  }
}

/** Part of bytes that no text has: more of it, and it is no text. */
const BINARY_SHARE = 0.02;

/**
 * Null for what is no text, whatever its name says.
 * @param isCut the bytes are only the beginning of the file
 */
export function decodeText(bytes: Uint8Array, isCut: boolean): string | null {
  const encoding = marked(bytes) ?? guess(bytes, isCut);
  if (!encoding.startsWith("utf-16")) {
    let odd = 0;
    for (const byte of bytes) if (byte < 9 || (byte > 13 && byte < 27)) odd += 1;
    if (odd > bytes.length * BINARY_SHARE) return null;
  }
  return new TextDecoder(encoding).decode(bytes, { stream: isCut });
}
