import * as zlib from "node:zlib";
import type { Codec } from "../../core/storage/ports.ts";

/** Node has it since 22.15, the pinned @types/node (22.13) not yet. */
interface Zstd {
  zstdCompressSync(bytes: Uint8Array, options: { params: Record<number, number> }): Uint8Array<ArrayBuffer>;
  zstdDecompressSync(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array<ArrayBuffer>;
  constants: { ZSTD_c_compressionLevel: number };
}

const { zstdCompressSync, zstdDecompressSync, constants } = zlib as unknown as Zstd;
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/**
 * zstd of the runtime. workerd 2026-09 has two faults that cost nothing but space and a check: compressing throws when
 * the result is longer than about 40 KB, and `maxOutputLength` counts the doubling of its buffer, so the bound is a
 * loose one and the caller compares the length.
 */
export const zstd: Codec = {
  compress(bytes) {
    try {
      return zstdCompressSync(bytes, LEVEL);
    } catch {
      return null;
    }
  },
  decompress: (bytes, length) => zstdDecompressSync(bytes, { maxOutputLength: 2 * length + 65_536 }),
};
