/** Bytes of a piece that is handed on: headers and small files travel together. */
const PIECE = 64 * 1024;

/** Small pieces joined, large ones passed through. */
export async function* joined(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(PIECE);
  let filled = 0;
  for await (const piece of pieces) {
    if (filled + piece.length > PIECE && filled > 0) {
      yield buffer.subarray(0, filled);
      buffer = new Uint8Array(PIECE);
      filled = 0;
    }
    if (piece.length > PIECE) yield piece;
    else {
      buffer.set(piece, filled);
      filled += piece.length;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
