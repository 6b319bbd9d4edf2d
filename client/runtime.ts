import { CODEC, type Packer, type Unpack, unpackWith } from "../core/delta/index.ts";
import { sha256 } from "../core/delta/sha256.ts";

/** What edits need of the runtime. Any runtime has the default; a program for Node gives its own zstd and one-shot hash. */
export interface Runtime {
  packer: Packer;
  unpack: Unpack;
  /** SHA-256. */
  digest(bytes: Uint8Array): Promise<Uint8Array> | Uint8Array;
}

async function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** What is unpacked here was packed here. */
const unpack = unpackWith({
  decompress() {
    throw new Error("This runtime packs by deflate only.");
  },
});

/** Of the web platform, which Node has as well. */
export const webRuntime: Runtime = { packer: { codec: CODEC.deflate, pack: deflate }, unpack, digest: sha256 };

/** With a zstd of the runtime's own. */
export const runtimeWith = (
  zstd: {
    compress(bytes: Uint8Array): Uint8Array;
    decompress(bytes: Uint8Array, max_length: number): Uint8Array<ArrayBuffer>;
  },
  digest: Runtime["digest"],
): Runtime => ({ packer: { codec: CODEC.zstd, pack: zstd.compress }, unpack: unpackWith(zstd), digest });
