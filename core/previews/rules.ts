/** Which files get pictures, how large, and how much work is put into one. docs/spec/previews.md, P1 to P5. */
import { extensionOf, fileTypeOf } from "../search/file-type.ts";
import type { FileRow } from "../files/model.ts";
import { type PictureHeader, readHeader } from "./header.ts";

/** Longest edge in pixels. */
export const SIZES = { s: 128, m: 512, l: 1600 } as const;
export type PreviewSize = keyof typeof SIZES;
export const SIZE_NAMES = ["s", "m", "l"] as const satisfies PreviewSize[];

/** Bytes of a source that is read into memory: an isolate has 128 MB for all that it does at once. */
export const SOURCE_MAX = 24 * 1024 * 1024;

const MILLION = 1_000_000;

/**
 * Pixels that a decoder can take within about 80 MB, as measured (bytes at the peak, beside the source):
 * a baseline JPEG is scaled in its decoder, 48 MP take 21 MB; a progressive one keeps all its coefficients, 12 MP take
 * 63 MB and 24 MP 124 MB; PNG, WebP and GIF are decoded whole, 8 to 12 bytes a pixel.
 */
const PIXELS_MAX: Record<PictureHeader["format"], number> = {
  jpeg: 100 * MILLION,
  jpeg_progressive: 14 * MILLION,
  png: 6 * MILLION,
  webp: 6 * MILLION,
  gif: 6 * MILLION,
};
/** Thin pictures cost rows, not pixels. */
const EDGE_MAX = 30_000;

/** What decoders are there for; the bytes decide in the end. */
const PICTURE_TYPES = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/jpg", "image/pjpeg"]);
const PICTURE_EXTENSIONS = new Set(["jpg", "jpeg", "jpe", "png", "webp", "gif"]);

type Described = Pick<FileRow, "name" | "mime_type" | "is_folder" | "size" | "content_id">;

/** Whether to try at all: by type and size, before any byte is read. */
export function mayHavePicture(file: Described): boolean {
  if (file.is_folder || file.content_id === null || file.size === 0 || file.size > SOURCE_MAX) return false;
  if (fileTypeOf(file) !== "image") return false;
  return PICTURE_TYPES.has(file.mime_type ?? "") || PICTURE_EXTENSIONS.has(extensionOf(file.name));
}

/** Text that a person can read in the page as it is. */
export const isPlainText = (file: Described): boolean => !file.is_folder && fileTypeOf(file) === "text";

/** The header of a picture that may be decoded; null for what is no picture, or too large to decode. */
export function admit(bytes: Uint8Array): PictureHeader | null {
  const header = readHeader(bytes);
  if (header === null) return null;
  const { width, height, format } = header;
  if (width < 1 || height < 1 || width > EDGE_MAX || height > EDGE_MAX) return null;
  return width * height <= PIXELS_MAX[format] ? header : null;
}

/** Fits into a square of `edge` pixels, never enlarged, at least one pixel. */
export function fit(width: number, height: number, edge: number): { width: number; height: number } {
  const scale = Math.min(1, edge / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
