/** Custom metadata of an object, as R2 keeps them: short ASCII texts. */
export type ObjectMetadata = Readonly<Record<string, string>>;

export interface StoredObject {
  bytes: Uint8Array<ArrayBuffer>;
  metadata: ObjectMetadata;
}

/** The store answered, and the answer is no: asking again would change nothing. Whatever else it throws is a failure. */
export class StoreRefused extends Error {
  override name = "StoreRefused";
}

/**
 * The object store as the engine needs it. Keys are ours and random; objects never change once written. A body may be
 * used again by its owner as soon as the call is settled.
 */
export interface ObjectStore {
  put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void>;
  /**
   * Fewer bytes than asked for where the object ends; null when there is no such object or no such range. The bytes have
   * their buffer to themselves.
   */
  get(key: string, offset: number, length: number): Promise<StoredObject | null>;
  delete(keys: string[]): Promise<void>;
  /** All keys that begin so. Uploads under way are not among them. */
  list(prefix: string): Promise<string[]>;
  /** @returns the multipart upload's id; the store forgets it by itself after some days */
  createMultipart(key: string, metadata: ObjectMetadata): Promise<string>;
  /** @param part 1 to 10,000. @returns the part's etag. @throws StoreRefused when there is no such upload */
  uploadPart(key: string, multipart: string, part: number, body: Uint8Array): Promise<string>;
  /** @throws StoreRefused when the parts are not those that were sent */
  completeMultipart(key: string, multipart: string, parts: { part: number; etag: string }[]): Promise<void>;
  /** No error when it is gone already. */
  abortMultipart(key: string, multipart: string): Promise<void>;
}

export interface ObjectFacts {
  key: string;
  size: number;
  /** Milliseconds since the epoch. */
  uploaded_at: number;
}

/** What an object store knows of its objects without reading them. */
export interface ObjectCatalog {
  /** Null when there is no such object. */
  stat(key: string): Promise<(ObjectFacts & { metadata: ObjectMetadata }) | null>;
  /** Those behind `after` that begin with `prefix`, by key, a thousand at most; empty at the end. */
  page(prefix: string, after: string): Promise<ObjectFacts[]>;
}

/** zstd, level 3. */
export interface Codec {
  /** One byte at least. Null when it fails: what a compressor cannot do costs space only. */
  compress(bytes: Uint8Array): Uint8Array | null;
  /** Throws for what is no zstd or has far more than `length` bytes; the caller compares the length. */
  decompress(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer>;
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
