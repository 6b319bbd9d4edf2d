import { GifReader } from "omggif";
import type { Raster } from "../../core/previews/pixels.ts";

/** The first frame. */
export function decodeGif(bytes: Uint8Array): Raster {
  const gif = new GifReader(bytes);
  const { width, height } = gif;
  const data = new Uint8Array(width * height * 4);
  gif.decodeAndBlitFrameRGBA(0, data);
  return { width, height, channels: 4, data };
}
