/** An object store in memory, with R2's rules for multipart uploads. */
import { type ObjectStore, PartsRejected } from "../../../core/storage/ports.ts";

const MiB = 1024 * 1024;
/** R2: parts have 5 MiB at least, but for the last, and all the same size. */
const PART_MIN = 5 * MiB;

interface Part {
  etag: string;
  bytes: Uint8Array;
}

export class MemoryObjectStore implements ObjectStore {
  readonly objects = new Map<string, Uint8Array>();
  readonly #multiparts = new Map<string, { key: string; parts: Map<number, Part> }>();
  #ids = 0;

  async put(key: string, body: Uint8Array): Promise<void> {
    this.objects.set(key, Uint8Array.from(body));
  }

  async get(key: string, offset: number, length: number): Promise<ReadableStream<Uint8Array> | null> {
    const bytes = this.objects.get(key);
    if (bytes === undefined) return null;
    return new Blob([Uint8Array.from(bytes.subarray(offset, offset + length))]).stream();
  }

  async delete(keys: string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key);
  }

  async createMultipart(key: string): Promise<string> {
    const id = `multipart-${++this.#ids}`;
    this.#multiparts.set(id, { key, parts: new Map() });
    return id;
  }

  async uploadPart(
    key: string,
    multipart: string,
    part: number,
    source: AsyncIterable<Uint8Array>,
    length: number,
  ): Promise<string> {
    const bytes = new Uint8Array(length);
    let at = 0;
    for await (const piece of source) {
      if (at + piece.length > length) throw new Error("the source yields more than it said");
      bytes.set(piece, at);
      at += piece.length;
    }
    if (at < length) throw new Error("the source yields less than it said");
    const upload = this.#multiparts.get(multipart);
    if (upload === undefined || upload.key !== key) throw new Error("there is no such upload");
    const etag = `etag-${++this.#ids}`;
    upload.parts.set(part, { etag, bytes });
    return etag;
  }

  async completeMultipart(key: string, multipart: string, parts: { part: number; etag: string }[]): Promise<void> {
    const upload = this.#multiparts.get(multipart);
    if (upload === undefined) {
      // A completion whose answer was lost has made the object.
      if (this.objects.has(key)) return;
      throw new Error("there is no such upload");
    }
    const chosen = parts.map(({ part, etag }) => {
      const found = upload.parts.get(part);
      if (found === undefined || found.etag !== etag) throw new PartsRejected(`part ${part}`);
      return found.bytes;
    });
    const first = chosen[0]?.length ?? 0;
    const isUnequal = chosen.slice(0, -1).some((bytes) => bytes.length !== first || bytes.length < PART_MIN);
    if (isUnequal || (chosen.at(-1)?.length ?? 0) > first) throw new PartsRejected("unequal parts");
    this.objects.set(key, new Uint8Array(await new Blob(chosen.map((b) => Uint8Array.from(b))).arrayBuffer()));
    this.#multiparts.delete(multipart);
  }

  async abortMultipart(_key: string, multipart: string): Promise<void> {
    this.#multiparts.delete(multipart);
  }
}
