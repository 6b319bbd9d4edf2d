// zstd of node:zlib, Node 22.15.
declare module "node:zlib" {
  function zstdCompressSync(bytes: Uint8Array, options: { params: Record<number, number> }): Uint8Array<ArrayBuffer>;
  function zstdDecompressSync(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array<ArrayBuffer>;
  namespace constants {
    const ZSTD_c_compressionLevel: number;
  }
}
