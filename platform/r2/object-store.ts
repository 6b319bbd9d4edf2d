import {
  type ObjectCatalog,
  type ObjectFacts,
  type ObjectMetadata,
  type ObjectStore,
  type StoredObject,
  StoreRefused,
} from "../../core/storage/ports.ts";

/** R2's errors are only text. */
const GONE = /\b10024\b|does not exist/i;

/** Too small a part, no such upload, no such part, another digest, parts of unequal lengths. */
const REFUSED = /\b(10011|10024|10025|10037|10048)\b|upload does not exist/i;

/** Tells what R2 will not do from what it cannot do right now. */
async function refusable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw REFUSED.test(String(error)) ? new StoreRefused(String(error)) : error;
  }
}

/** Bytes read at a time: the runtime has a second buffer of this length for each read. */
const STEP = 256 * 1024;

/** All of a body of `length` bytes, and the end behind them, so that nothing of it stays open. */
async function readAll(body: ReadableStream, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader({ mode: "byob" });
  let bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const step = Math.min(STEP, length - filled);
    const { value, done } = await reader.readAtLeast(step, new Uint8Array(bytes.buffer, filled, step));
    if (done || value === undefined) throw new Error("the body of an object ended early");
    bytes = new Uint8Array(value.buffer as ArrayBuffer);
    filled += value.length;
  }
  // The bytes are whole, whatever comes of the end.
  await reader.read(new Uint8Array(1)).catch(() => undefined);
  return bytes;
}

const factsOf = ({ key, size, uploaded }: R2Object): ObjectFacts => ({ key, size, uploaded_at: uploaded.getTime() });

export class R2ObjectStore implements ObjectStore, ObjectCatalog {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  async put(key: string, body: Uint8Array, customMetadata: ObjectMetadata): Promise<void> {
    await this.#bucket.put(key, body, { customMetadata });
  }

  async get(key: string, offset: number, length: number): Promise<StoredObject | null> {
    try {
      const object = await this.#bucket.get(key, { range: { offset, length } });
      if (object === null) return null;
      const bytes = await readAll(object.body, Math.min(length, object.size - offset));
      return { bytes, metadata: object.customMetadata ?? {} };
    } catch (error) {
      // A range behind the end is an error of no certain text.
      const object = await this.#bucket.head(key);
      if (object === null || object.size <= offset) return null;
      throw error;
    }
  }

  async delete(keys: string[]): Promise<void> {
    // R2 takes 1,000 keys a call.
    for (let at = 0; at < keys.length; at += 1000) await this.#bucket.delete(keys.slice(at, at + 1000));
  }

  async list(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    let cursor: string | undefined;
    do {
      const page: R2Objects = await this.#bucket.list({ prefix, cursor });
      keys.push(...page.objects.map((object) => object.key));
      cursor = page.truncated ? page.cursor : undefined;
    } while (cursor !== undefined);
    return keys;
  }

  async stat(key: string): Promise<(ObjectFacts & { metadata: ObjectMetadata }) | null> {
    const object = await this.#bucket.head(key);
    return object === null ? null : { ...factsOf(object), metadata: object.customMetadata ?? {} };
  }

  async page(prefix: string, after: string): Promise<ObjectFacts[]> {
    const { objects } = await this.#bucket.list({ prefix, startAfter: after });
    return objects.map(factsOf);
  }

  async createMultipart(key: string, customMetadata: ObjectMetadata): Promise<string> {
    return (await this.#bucket.createMultipartUpload(key, { customMetadata })).uploadId;
  }

  async uploadPart(key: string, multipart: string, part: number, body: Uint8Array): Promise<string> {
    return (await refusable(this.#bucket.resumeMultipartUpload(key, multipart).uploadPart(part, body))).etag;
  }

  async completeMultipart(key: string, multipart: string, parts: { part: number; etag: string }[]): Promise<void> {
    try {
      const uploaded = parts.map(({ part, etag }) => ({ partNumber: part, etag }));
      await refusable(this.#bucket.resumeMultipartUpload(key, multipart).complete(uploaded));
    } catch (error) {
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
