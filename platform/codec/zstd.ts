import * as zlib from "node:zlib";
import type { Codec } from "../../core/storage/ports.ts";

/** Node has it since 22.15, the pinned @types/node (22.13) not yet. */
interface Zstd {
  zstdCompressSync(
    bytes: Uint8Array,
    options: { params: Record<number, number>; finishFlush: number; pledgedSrcSize: number },
  ): Uint8Array<ArrayBuffer>;
  zstdDecompressSync(
    bytes: Uint8Array,
    options: { maxOutputLength: number; finishFlush: number },
  ): Uint8Array<ArrayBuffer>;
  constants: { ZSTD_c_compressionLevel: number; ZSTD_e_flush: number; ZSTD_e_continue: number };
}

const { zstdCompressSync, zstdDecompressSync, constants } = zlib as unknown as Zstd;
const params = { [constants.ZSTD_c_compressionLevel]: 3 };

/** An empty raw block that says it is the last one (RFC 8878, 3.1.1.2): the end of a frame. */
const LAST_BLOCK = [1, 0, 0];

/**
 * zstd of the runtime. workerd 2026-09 has three faults. Its compressor cannot end a frame that is longer than about
 * 40 KB ("Unexpected end of file", cloudflare/workerd#6769), so it is only asked to flush, and the frame is ended here.
 * Its decompressor calls a frame cut whose content fills the buffer to the byte (40 KiB, 80, 160, ...), so it is not
 * asked to look for that. And `maxOutputLength` counts the doubling of its buffer, so the bound is a loose one. What is
 * cut or too long the caller sees by its length.
 */
export const zstd: Codec = {
  compress(bytes) {
    try {
      const options = { params, finishFlush: constants.ZSTD_e_flush, pledgedSrcSize: bytes.length };
      const open = zstdCompressSync(bytes, options);
      const frame = new Uint8Array(open.length + LAST_BLOCK.length);
      frame.set(open);
      frame.set(LAST_BLOCK, open.length);
      return frame;
    } catch {
      return null;
    }
  },
  decompress: (bytes, length) =>
    zstdDecompressSync(bytes, { maxOutputLength: 2 * length + 65_536, finishFlush: constants.ZSTD_e_continue }),
};
