// The pinned @types/node is older than zstd in Node.
/// <reference path="./node-zlib.d.ts" />
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Codec } from "../../core/storage/ports.ts";

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
