import { createCipheriv, randomBytes, randomInt } from "node:crypto";

const PIECE = 64 * 1024;

/** New random bytes at each call, faster than any of what is measured: a cipher's key stream. */
export function* randomPieces(size: number): Generator<Uint8Array> {
  const cipher = createCipheriv("aes-128-ctr", randomBytes(16), randomBytes(16));
  const zeros = new Uint8Array(PIECE);
  for (let at = 0; at < size; at += PIECE) yield cipher.update(zeros.subarray(0, Math.min(PIECE, size - at)));
}

/** Lines of a log, of which each body has others in another order; zstd makes about a fifth of them. */
const LINES = Array.from({ length: 20_000 }, () => {
  const [id, user, status, ms] = [randomBytes(4).toString("hex"), randomInt(500), randomInt(200, 504), randomInt(9999)];
  const path = ["files", "folders", "sync/changes", "uploads", "search"][randomInt(5)];
  return Buffer.from(`INFO request ${id} GET /api/v1/${path} by user-${user} answered ${status} in ${ms} ms\n`);
});

/** Text that no body before had. */
export function fillWithText(bytes: Uint8Array): void {
  let x = randomInt(2 ** 31);
  for (let at = 0; at < bytes.length;) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    const line = LINES[(x >>> 8) % LINES.length]!;
    bytes.set(line.subarray(0, bytes.length - at), at);
    at += line.length;
  }
}
