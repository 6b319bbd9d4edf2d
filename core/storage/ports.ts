/** The object store as the engine needs it. Keys are ours and random; objects never change once written. */
export interface ObjectStore {
  put(key: string, body: Uint8Array): Promise<void>;
  /** Null when there is no such object. */
  get(key: string, offset: number, length: number): Promise<ReadableStream<Uint8Array> | null>;
  delete(keys: string[]): Promise<void>;
  /** @returns the multipart upload's id */
  createMultipart(key: string): Promise<string>;
  /**
   * @param source yields exactly `length` bytes; a piece is valid only until the next one is asked for
   * @param part 1 to 10,000
   * @returns the part's etag
   */
  uploadPart(
    key: string,
    multipart: string,
    part: number,
    source: AsyncIterable<Uint8Array>,
    length: number,
  ): Promise<string>;
  /** Throws `PartsRejected` when a part is missing, was replaced, or the sizes are unequal. */
  completeMultipart(key: string, multipart: string, parts: { part: number; etag: string }[]): Promise<void>;
  /** No error when it is gone already. */
  abortMultipart(key: string, multipart: string): Promise<void>;
}

export class PartsRejected extends Error {
  override readonly name = "PartsRejected";
}

/** Incremental SHA-256; WebCrypto has none, so each runtime brings its own. */
export interface Hasher {
  update(piece: Uint8Array): Promise<void>;
  /** Lower-case hex. */
  digest(): Promise<string>;
}

export interface Bytes {
  hasher(): Hasher;
  /**
   * A body in pieces of exactly `size` bytes, the last one shorter; none for an empty body. The buffer is used again:
   * a piece is valid only until the next one is asked for. So memory is one piece, however long the body is.
   */
  pieces(body: ReadableStream<Uint8Array>, size: number): AsyncIterable<Uint8Array>;
  /** Reads away a body that is not needed, so that its sender hears the answer. Never throws. */
  discard(body: ReadableStream<Uint8Array>): Promise<void>;
}
