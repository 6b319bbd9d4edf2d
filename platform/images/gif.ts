import { GifReader } from "omggif";
import type { Raster } from "../../core/previews/pixels.ts";

const EXTENSION = 0x21;
const IMAGE = 0x2c;

/** Bytes of a palette of which the flags tell (GIF89a, 18 and 20): none, or 3 for each colour. */
const paletteLength = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1));

/**
 * The bytes up to the end of the first frame: the reader looks at every frame there is, and millions fit into a file.
 * Throws when there is none. GIF89a, 15 to 26.
 */
function upToFirstFrame(bytes: Uint8Array): Uint8Array {
  const at = (position: number): number => {
    const byte = bytes[position];
    if (byte === undefined) throw new Error("This GIF is cut off.");
    return byte;
  };
  const afterBlocks = (position: number): number => {
    let p = position;
    for (let length = at(p); length > 0; length = at(p)) p += 1 + length;
    return p + 1;
  };
  let p = 13 + paletteLength(at(10));
  while (at(p) === EXTENSION) p = afterBlocks(p + 2);
  if (at(p) !== IMAGE) throw new Error("This GIF has no frame.");
  return bytes.subarray(0, afterBlocks(p + 11 + paletteLength(at(p + 9))));
}

/** The first frame. Throws when it reaches out of the picture: only the picture's size was bounded before. */
export function decodeGif(bytes: Uint8Array): Raster {
  const gif = new GifReader(upToFirstFrame(bytes));
  const { width, height } = gif;
  const frame = gif.frameInfo(0);
  if (frame.x + frame.width > width || frame.y + frame.height > height)
    throw new Error("The first frame of this GIF is larger than the picture.");
  const data = new Uint8Array(width * height * 4);
  gif.decodeAndBlitFrameRGBA(0, data);
  return { width, height, channels: 4, data };
}
