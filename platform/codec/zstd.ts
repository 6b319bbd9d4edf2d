// The pinned @types/node is older than zstd in Node.
/// <reference path="./node-zlib.d.ts" />
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Codec } from "../../core/storage/ports.ts";

const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

export const zstd: Codec = {
  compress(bytes) {
    try {
      return zstdCompressSync(bytes, LEVEL);
    } catch {
      return null;
    }
  },
  decompress: (bytes, length) => zstdDecompressSync(bytes, { maxOutputLength: length }),
};
