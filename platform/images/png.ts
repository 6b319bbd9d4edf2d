import pngModule from "imagescript/wasm/any/png.wasm";
import type { Raster } from "../../core/previews/pixels.ts";

interface PngExports {
  memory: WebAssembly.Memory;
  walloc(size: number): number;
  wfree(pointer: number): void;
  /** A pointer to RGBA pixels; negative on failure. */
  decode(pointer: number, length: number): number;
  width(): number;
  height(): number;
}

/** An instance for each picture: its memory goes with it. The raster is a view into that memory. */
export function decodePng(bytes: Uint8Array): Raster {
  const imports = { env: { emscripten_notify_memory_growth: () => undefined } };
  const wasm = new WebAssembly.Instance(pngModule, imports).exports as unknown as PngExports;
  const pointer = wasm.walloc(bytes.length);
  new Uint8Array(wasm.memory.buffer, pointer, bytes.length).set(bytes);
  const pixels = wasm.decode(pointer, bytes.length);
  if (pixels <= 0) throw new Error("not a PNG that can be decoded");
  const [width, height] = [wasm.width(), wasm.height()];
  return { width, height, channels: 4, data: new Uint8Array(wasm.memory.buffer, pixels, width * height * 4) };
}
