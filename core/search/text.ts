/** Text of bytes in the encodings that files really have. docs/spec/search.md, X2. */

/** Bytes of a text file that are read: enough for the text that is kept, in any encoding. */
export const TEXT_BYTES_MAX = 1024 * 1024;

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
