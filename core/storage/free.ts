/**
 * Gives memory back at once that nobody needs any more, where the collector would let a hundred megabytes gather first.
 * Nothing happens to bytes that are a part of a buffer: the rest of it is somebody else's.
 */
export function free(bytes: Uint8Array<ArrayBuffer>): void {
  if (bytes.length === bytes.buffer.byteLength) bytes.buffer.transfer(0);
}
