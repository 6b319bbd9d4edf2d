import { deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync, constants } from "node:zlib";
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

export const unpack: Unpack = (codec, bytes, max_length) => {
  const options = { maxOutputLength: Math.max(1, max_length) };
  const result = codec === CODEC.zstd ? zstdDecompressSync(bytes, options) : inflateRawSync(bytes, options);
  if (result.length > max_length) throw new RangeError("longer than it may be");
  return result;
};
