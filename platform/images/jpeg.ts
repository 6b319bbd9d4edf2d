import jpegModule from "imagescript/wasm/any/jpeg.wasm";
import type { Raster } from "../../core/previews/pixels.ts";

interface JpegExports {
  memory: WebAssembly.Memory;
  walloc(size: number): number;
  /** 0: no JPEG; 1: the scale cannot be set; else a handle. Zero for width and height means no scale. */
  decode(pointer: number, length: number, width: number, height: number): number;
  decode_width(handle: number): number;
  decode_height(handle: number): number;
  /** 0: grey, 1: RGB, 2: CMYK. */
  decode_format(handle: number): number;
  decode_buffer(handle: number): number;
}

const CHANNELS = [1, 3, 4] as const;

/**
 * Decodes at the smallest of 1/8, 1/4, 1/2 or 1 that is no smaller than asked: by the decoder itself, from the low
 * frequencies, so that memory goes with the result. Each picture has an instance of its own, whose memory goes with it;
 * the raster is a view into that memory.
 */
export function decodeJpeg(bytes: Uint8Array, width: number, height: number): Raster {
  const wasm = new WebAssembly.Instance(jpegModule).exports as unknown as JpegExports;
  const pointer = wasm.walloc(bytes.length);
  new Uint8Array(wasm.memory.buffer, pointer, bytes.length).set(bytes);
  const handle = wasm.decode(pointer, bytes.length, width, height);
  if (handle <= 1) throw new Error("not a JPEG that can be decoded");
  const [w, h, format] = [wasm.decode_width(handle), wasm.decode_height(handle), wasm.decode_format(handle)];
  const channels = CHANNELS[format];
  if (channels === undefined) throw new Error("unknown pixel format");
  const data = new Uint8Array(wasm.memory.buffer, wasm.decode_buffer(handle), w * h * channels);
  if (format === 2) fromCmyk(data);
  return { width: w, height: h, channels, data };
}

/** In place; the decoder gives CMYK inverted, as Adobe writes it. */
function fromCmyk(data: Uint8Array): void {
  for (let i = 0; i < data.length; i += 4) {
    const black = data[i + 3] as number;
    for (let c = 0; c < 3; c++) data[i + c] = ((data[i + c] as number) * black) / 255;
    data[i + 3] = 255;
  }
}
