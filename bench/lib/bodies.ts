import { createCipheriv, randomBytes } from "node:crypto";

const PIECE = 64 * 1024;

/** New random bytes at each call, faster than any of what is measured: a cipher's key stream. */
export function* randomPieces(size: number): Generator<Uint8Array> {
  const cipher = createCipheriv("aes-128-ctr", randomBytes(16), randomBytes(16));
  const zeros = new Uint8Array(PIECE);
  for (let at = 0; at < size; at += PIECE) yield cipher.update(zeros.subarray(0, Math.min(PIECE, size - at)));
}
