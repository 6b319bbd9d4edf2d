/** `Range` of bytes: RFC 9110, 14.1.2. A suffix longer than the file is the whole file, which small parsers forget. */
export interface ByteRange {
  start: number;
  /** The last byte, inclusive. */
  end: number;
}

const SINGLE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * @param size bytes of the whole
 * @returns null for what is to be ignored: another unit, no valid range, or several ranges, which a server may answer
 *   in full (14.2)
 */
export function parseRange(header: string, size: number): ByteRange | "unsatisfiable" | null {
  const found = SINGLE.exec(header);
  if (found === null) return null;
  const [first, last] = [found[1] as string, found[2] as string];
  if (first === "") {
    if (last === "") return null;
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? Infinity : Number(last);
  if (end < start) return null;
  return start >= size ? "unsatisfiable" : { start, end: Math.min(end, size - 1) };
}
