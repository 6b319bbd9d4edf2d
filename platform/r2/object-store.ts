import { type ObjectStore, PartsRejected } from "../../core/storage/ports.ts";

/** R2's errors are only text; these codes mean that the parts of a completion do not fit. */
const PARTS_REJECTED =
  /\b(10011|10025|10048)\b|invalid ?part|all non-trailing parts must have the same length|specified parts could not be found/i;
const GONE = /\b10024\b|does not exist/i;

export class R2ObjectStore implements ObjectStore {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.#bucket.put(key, body);
  }

  async get(key: string, offset: number, length: number): Promise<ReadableStream<Uint8Array> | null> {
    const object = await this.#bucket.get(key, { range: { offset, length } });
    return object === null ? null : object.body;
  }

  async delete(keys: string[]): Promise<void> {
    await this.#bucket.delete(keys);
  }

  async createMultipart(key: string): Promise<string> {
    return (await this.#bucket.createMultipartUpload(key)).uploadId;
  }

  async uploadPart(
    key: string,
    multipart: string,
    part: number,
    source: AsyncIterable<Uint8Array>,
    length: number,
  ): Promise<string> {
    // R2 must know the length; a fixed-length stream errors when the source yields more or less.
    const { readable, writable } = new FixedLengthStream(length);
    const pumped = pump(source, writable);
    // Settled below; a rejection before that must not count as unhandled.
    pumped.catch(() => undefined);
    try {
      const uploaded = this.#bucket.resumeMultipartUpload(key, multipart).uploadPart(part, readable);
      const [{ etag }] = await Promise.all([uploaded, pumped]);
      return etag;
    } catch (error) {
      // The source's own error says more than that of the stream it broke.
      await pumped;
      throw error;
    }
  }

  async completeMultipart(key: string, multipart: string, parts: { part: number; etag: string }[]): Promise<void> {
    try {
      const uploaded = parts.map(({ part, etag }) => ({ partNumber: part, etag }));
      await this.#bucket.resumeMultipartUpload(key, multipart).complete(uploaded);
    } catch (error) {
      if (PARTS_REJECTED.test(String(error))) throw new PartsRejected(String(error));
      // A completion whose answer was lost has made the object: then the upload is gone and the object is there.
      if (GONE.test(String(error)) && (await this.#bucket.head(key)) !== null) return;
      throw error;
    }
  }

  async abortMultipart(key: string, multipart: string): Promise<void> {
    try {
      await this.#bucket.resumeMultipartUpload(key, multipart).abort();
    } catch (error) {
      if (!GONE.test(String(error))) throw error;
    }
  }
}

async function pump(source: AsyncIterable<Uint8Array>, writable: WritableStream<Uint8Array>): Promise<void> {
  const writer = writable.getWriter();
  try {
    for await (const piece of source) await writer.write(piece);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => undefined);
    throw error;
  }
}
