/** libwebp, from Squoosh. Each use has an instance of its own, whose memory goes with it. */
import createDecoder from "@jsquash/webp/codec/dec/webp_dec.js";
import decoderModule from "@jsquash/webp/codec/dec/webp_dec.wasm";
import createEncoder from "@jsquash/webp/codec/enc/webp_enc_simd.js";
import encoderModule from "@jsquash/webp/codec/enc/webp_enc_simd.wasm";
import { defaultOptions } from "@jsquash/webp/meta.js";
import type { Pixels, Raster } from "../../core/previews/pixels.ts";

/** Squoosh's scale of 0 to 100: below it skies show bands, above it files only grow. */
const QUALITY = 78;
/** Libwebp's effort, 0 to 6: 2 takes half the time of 4 for files that are a tenth larger, as measured. */
const METHOD = 2;

/** Emscripten's hook: the module is compiled at deploy, because Workers compile nothing at run time. */
const from = (module: WebAssembly.Module) => ({
  noInitialRun: true,
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) {
    const instance = new WebAssembly.Instance(module, imports);
    done(instance);
    return instance.exports;
  },
});

export async function encodeWebp({ data, width, height }: Pixels): Promise<Uint8Array> {
  const encoder = await createEncoder(from(encoderModule));
  const encoded = encoder.encode(data, width, height, { ...defaultOptions, quality: QUALITY, method: METHOD });
  if (encoded === null) throw new Error("the picture could not be encoded");
  return encoded;
}

/** What the decoder makes its answer with; browsers have it, Workers have not. */
class DecodedImage {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;

  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
}

export async function decodeWebp(bytes: Uint8Array): Promise<Raster> {
  (globalThis as { ImageData?: unknown }).ImageData ??= DecodedImage;
  const decoder = await createDecoder(from(decoderModule));
  const picture = decoder.decode(bytes);
  if (picture === null) throw new Error("not a WebP that can be decoded");
  return { width: picture.width, height: picture.height, channels: 4, data: picture.data };
}
