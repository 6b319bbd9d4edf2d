import exifr from "exifr";
import type { PictureHeader } from "../../core/previews/header.ts";
import { orient, type Pixels, type Raster, shrink } from "../../core/previews/pixels.ts";
import { fit, type PreviewSize, SIZE_NAMES, SIZES } from "../../core/previews/rules.ts";
import { decodeGif } from "./gif.ts";
import { decodeJpeg } from "./jpeg.ts";
import { decodePng } from "./png.ts";
import { decodeWebp, encodeWebp } from "./webp.ts";

async function decode(bytes: Uint8Array, { format, width, height }: PictureHeader): Promise<Raster> {
  switch (format) {
    case "jpeg":
    case "jpeg_progressive": {
      const target = fit(width, height, SIZES.l);
      return decodeJpeg(bytes, target.width, target.height);
    }
    case "png":
      return decodePng(bytes);
    case "webp":
      return decodeWebp(bytes);
    case "gif":
      return decodeGif(bytes);
  }
}

/** 1 where nothing is said, or what is said cannot be read. */
async function orientationOf(bytes: Uint8Array): Promise<number> {
  const orientation = await exifr.orientation(bytes).catch(() => undefined);
  return typeof orientation === "number" ? orientation : 1;
}

/**
 * All sizes of a picture, WebP, upright, from one decoding; nothing of the source's metadata is in them.
 * @param header from `admit`, which has bounded the work
 */
export async function makeThumbnails(
  bytes: Uint8Array,
  header: PictureHeader,
): Promise<Record<PreviewSize, Uint8Array>> {
  const orientation = await orientationOf(bytes);
  const raster = await decode(bytes, header);
  let pixels: Pixels | null = null;
  const made: Partial<Record<PreviewSize, Uint8Array>> = {};
  for (const size of SIZE_NAMES.toReversed()) {
    const source: Raster = pixels === null ? raster : { ...pixels, channels: 4 };
    const { width, height } = fit(source.width, source.height, SIZES[size]);
    pixels = shrink(source, width, height);
    if (source === raster) pixels = orient(pixels, orientation);
    made[size] = await encodeWebp(pixels);
  }
  return made as Record<PreviewSize, Uint8Array>;
}
