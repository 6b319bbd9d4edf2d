/** A body's bytes in one piece; stops at `length`, the most that it can have. */
export async function collect(body: ReadableStream<Uint8Array>, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for await (const piece of body) {
    if (at + piece.length > length) throw new Error("more bytes than were asked for");
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes.subarray(0, at);
}
