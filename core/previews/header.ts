/** Format and dimensions of a picture from its first bytes, so that a bomb is refused before anything is decoded. */

export interface PictureHeader {
  format: "jpeg" | "jpeg_progressive" | "png" | "webp" | "gif";
  width: number;
  height: number;
}

const ascii = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));

/** Null for what is none of the formats, or is cut off before its dimensions. */
export function readHeader(bytes: Uint8Array): PictureHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 30) return null;
  if (view.getUint16(0) === 0xffd8) return readJpeg(view);
  // PNG (W3C, 5.2 and 11.2.1): the signature, then IHDR.
  if (view.getUint32(0) === 0x89504e47 && view.getUint32(4) === 0x0d0a1a0a && ascii(bytes, 12, 4) === "IHDR")
    return { format: "png", width: view.getUint32(16), height: view.getUint32(20) };
  if (/^GIF8[79]a$/.test(ascii(bytes, 0, 6)))
    return { format: "gif", width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 4) === "WEBP") return readWebp(view, ascii(bytes, 12, 4));
  return null;
}

/** Frame headers (ITU T.81, B.2.2): SOF0..SOF15 without DHT, JPG and DAC. SOF2 is progressive. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

function readJpeg(view: DataView): PictureHeader | null {
  let at = 2;
  let frame: { at: number; sequential: boolean } | null = null;
  while (at + 9 < view.byteLength) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    // Fill bytes may stand before a marker (B.1.1.2).
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (isFrame(marker)) frame = { at, sequential: marker <= 0xc1 };
    if (marker === 0xda) {
      if (frame === null) return null;
      // One scan of all components is decoded line by line; everything else needs all coefficients in memory.
      const oneScan = frame.sequential && view.getUint8(at + 4) === view.getUint8(frame.at + 9);
      const [height, width] = [view.getUint16(frame.at + 5), view.getUint16(frame.at + 7)];
      return { format: oneScan ? "jpeg" : "jpeg_progressive", width, height };
    }
    const length = view.getUint16(at + 2);
    if (length < 2) return null;
    at += 2 + length;
  }
  return null;
}

const uint24 = (view: DataView, at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);

/** RFC 9649, 2.5 to 2.7. */
function readWebp(view: DataView, chunk: string): PictureHeader | null {
  if (chunk === "VP8X") return { format: "webp", width: uint24(view, 24) + 1, height: uint24(view, 27) + 1 };
  if (chunk === "VP8L") {
    const bits = view.getUint32(21, true);
    return { format: "webp", width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (chunk !== "VP8 ") return null;
  return { format: "webp", width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}
