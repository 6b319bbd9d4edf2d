/** Work on decoded pixels, after the decoder and before the encoder. */

export interface Pixels {
  width: number;
  height: number;
  /** Four bytes a pixel: red, green, blue, alpha. */
  data: Uint8ClampedArray<ArrayBuffer>;
}

/** Decoded rows as a decoder leaves them: 1 (grey), 3, or 4 bytes a pixel. */
export interface Raster {
  width: number;
  height: number;
  channels: 1 | 3 | 4;
  data: Uint8Array | Uint8ClampedArray;
}

/** Every target pixel is the mean of the source pixels it covers, by alpha. Never enlarges. */
export function shrink(source: Raster, width: number, height: number): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  const edges = (count: number, from: number): Uint32Array =>
    Uint32Array.from({ length: count + 1 }, (_, i) => Math.floor((i * from) / count));
  const columns = edges(width, source.width);
  const rows = edges(height, source.height);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 4) {
      const [x0, x1] = [columns[x] as number, columns[x + 1] as number];
      mean(source, x0, x1, rows[y] as number, rows[y + 1] as number, data, at);
    }
  return { width, height, data };
}

function mean(
  { data: from, width, channels }: Raster,
  x0: number,
  x1: number,
  y0: number,
  y1: number,
  to: Uint8ClampedArray,
  at: number,
): void {
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  let [r, g, b, alpha] = [0, 0, 0, 0];
  for (let y = y0; y < y1; y++)
    for (let i = (y * width + x0) * channels, end = (y * width + x1) * channels; i < end; i += channels) {
      const a = channels === 4 ? (from[i + 3] as number) : 255;
      r += (from[i] as number) * a;
      g += (from[i + green] as number) * a;
      b += (from[i + blue] as number) * a;
      alpha += a;
    }
  if (alpha === 0) return;
  to[at] = r / alpha;
  to[at + 1] = g / alpha;
  to[at + 2] = b / alpha;
  to[at + 3] = alpha / ((x1 - x0) * (y1 - y0));
}

/**
 * Turns a picture as its EXIF orientation says (CIPA DC-008, 4.6.4.A: 1 to 8; 6 is a phone held upright). What is no
 * orientation changes nothing.
 */
export function orient(source: Pixels, orientation: number): Pixels {
  if (!Number.isInteger(orientation) || orientation < 2 || orientation > 8) return source;
  const { width: w, height: h } = source;
  const swapped = orientation >= 5;
  const [width, height] = swapped ? [h, w] : [w, h];
  const from = new Uint32Array(source.data.buffer, source.data.byteOffset, w * h);
  const to = new Uint32Array(w * h);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      // For 5 to 8 rows and columns change places; then each axis may run backwards.
      let [sx, sy] = swapped ? [y, x] : [x, y];
      if (orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8) sx = w - 1 - sx;
      if (orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7) sy = h - 1 - sy;
      to[y * width + x] = from[sy * w + sx] as number;
    }
  return { width, height, data: new Uint8ClampedArray(to.buffer) };
}
