import { Deflater } from "../../core/delta/zip/deflate.ts";
import { METHOD } from "../../core/delta/zip/format.ts";
import { sha256 } from "../../core/delta/sha256.ts";

/** Text and noise, 400 KB, the same in every runtime. */
function input(): Uint8Array {
  const out = new Uint8Array(400_000);
  let x = 1;
  for (let i = 0; i < out.length; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    out[i] = i % 5000 < 1000 ? x >>> 24 : 97 + ((x >>> 24) % (1 + (i % 13)));
  }
  return out;
}

/** D13: first 8 bytes of the SHA-256 of `input` deflated, by method, level and memory level. */
export async function goldenDigests(): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const [name, method] of Object.entries(METHOD))
    for (const [level, mem_level] of [
      [1, 8],
      [6, 8],
      [9, 9],
    ] as const) {
      const pieces: Uint8Array[] = [];
      const deflater = new Deflater({ method, level, mem_level }, (piece) => pieces.push(piece.slice()));
      deflater.write(input());
      deflater.end();
      const hash = await sha256(new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer()));
      digests[`${name} ${level} ${mem_level}`] = Array.from(hash.subarray(0, 8), (b) =>
        b.toString(16).padStart(2, "0"),
      ).join("");
    }
  return digests;
}

/** Methods 1 and 3 as zlib 1.2.13 makes them, method 2 as Node 24 does. */
export const GOLDEN: Record<string, string> = {
  "zlib 1 8": "0e7164888b41fddc",
  "zlib 6 8": "0e334fa1200e66c4",
  "zlib 9 9": "f05c4cae76112577",
  "chromium 1 8": "7a9bfc54a6b180b4",
  "chromium 6 8": "7c21dbd8df12b7ed",
  "chromium 9 9": "b3065528063eb9c6",
  "blocks 1 8": "6df83387379ecd17",
  "blocks 6 8": "7c234f0097879150",
  "blocks 9 9": "10b75b75550485a5",
};
