import { constants, deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { CODEC, type Codec, type Packer, type Unpack } from "../../core/delta/index.ts";

/** What node:zlib offers, in Node and in workerd. */
export const packers: Packer[] = [
  { codec: CODEC.none, pack: (bytes) => bytes },
  { codec: CODEC.deflate, pack: (bytes) => deflateRawSync(bytes) },
  {
    codec: CODEC.zstd,
    pack: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 19 } }),
  },
];

export const packerOf = (codec: Codec): Packer => packers[codec]!;

/** workerd's bound counts the doubling of its buffer, so it is a loose one here; the codec compares the length. */
export const unpack: Unpack = (codec, bytes, max_length) => {
  const options = { maxOutputLength: 2 * max_length + 65_536 };
  return codec === CODEC.zstd ? zstdDecompressSync(bytes, options) : inflateRawSync(bytes, options);
};
