import type { Codec } from "../storage/ports.ts";
import { CODEC, type Unpack } from "./ports.ts";
import { inflateWhole } from "./zip/deflate.ts";

/** Bodies of deltas and frames, unpacked within their bound (D5, FR5): deflate in plain code, zstd by the runtime's codec. */
export const unpackWith =
  (zstd: Pick<Codec, "decompress">): Unpack =>
  (codec, bytes, max_length) => {
    if (codec === CODEC.zstd) return zstd.decompress(bytes, max_length);
    const raw = inflateWhole(bytes, max_length);
    if (raw === undefined) throw new Error("no deflate stream of this length");
    return raw;
  };
