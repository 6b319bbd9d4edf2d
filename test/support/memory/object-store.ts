/** An object store in memory, with R2's rules for multipart uploads. */
import {
  type ObjectCatalog,
  type ObjectFacts,
  type ObjectMetadata,
  type ObjectStore,
  type StoredObject,
  StoreRefused,
} from "../../../core/storage/ports.ts";

/** R2: parts have 5 MiB at least, but for the last, and all the same size. */
const PART_MIN = 5 * 1024 * 1024;

interface Part {
  etag: string;
  bytes: Uint8Array<ArrayBuffer>;
}

interface Upload {
  key: string;
  metadata: ObjectMetadata;
  parts: Map<number, Part>;
}

export class MemoryObjectStore implements ObjectStore, ObjectCatalog {
  readonly objects = new Map<string, StoredObject>();
  /** What was asked for, as a bill counts it. */
  readonly calls = { put: 0, get: 0, multipart: 0, part: 0 };
  readonly uploaded = new Map<string, number>();
  page_size = 1000;
  readonly #multiparts = new Map<string, Upload>();
  #ids = 0;

  async put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    this.calls.put++;
    this.#keep(key, { bytes: Uint8Array.from(body), metadata });
  }

  #keep(key: string, object: StoredObject): void {
    this.objects.set(key, object);
    this.uploaded.set(key, Date.now());
  }

  async get(key: string, offset: number, length: number): Promise<StoredObject | null> {
    this.calls.get++;
    const object = this.objects.get(key);
    if (object === undefined || offset >= object.bytes.length) return null;
    return { ...object, bytes: object.bytes.slice(offset, offset + length) };
  }

  async stat(key: string): Promise<(ObjectFacts & { metadata: ObjectMetadata }) | null> {
    const object = this.objects.get(key);
    return object === undefined ? null : { ...this.#factsOf(key, object), metadata: object.metadata };
  }

  async page(prefix: string, after: string): Promise<ObjectFacts[]> {
    const found = [...this.objects].filter(([key]) => key.startsWith(prefix) && key > after);
    const sorted = found.toSorted(([a], [b]) => (a < b ? -1 : 1));
    return sorted.slice(0, this.page_size).map(([key, object]) => this.#factsOf(key, object));
  }

  #factsOf(key: string, { bytes }: StoredObject): ObjectFacts {
    return { key, size: bytes.length, uploaded_at: this.uploaded.get(key) ?? 0 };
  }

  async delete(keys: string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key);
  }

  async list(prefix: string): Promise<string[]> {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix));
  }

  async createMultipart(key: string, metadata: ObjectMetadata): Promise<string> {
    this.calls.multipart++;
    const id = `multipart-${++this.#ids}`;
    this.#multiparts.set(id, { key, metadata, parts: new Map() });
    return id;
  }

  async uploadPart(key: string, multipart: string, part: number, body: Uint8Array): Promise<string> {
    this.calls.part++;
    const upload = this.#multiparts.get(multipart);
    if (upload === undefined || upload.key !== key) throw new StoreRefused("there is no such upload");
    // Late, so that an owner who uses the body again too early is found out by what it reads back.
    await new Promise((resolve) => setImmediate(resolve));
    const etag = `etag-${++this.#ids}`;
    upload.parts.set(part, { etag, bytes: Uint8Array.from(body) });
    return etag;
  }

  async completeMultipart(key: string, multipart: string, parts: { part: number; etag: string }[]): Promise<void> {
    const upload = this.#multiparts.get(multipart);
    if (upload === undefined) {
      // A completion whose answer was lost has made the object.
      if (this.objects.has(key)) return;
      throw new StoreRefused("there is no such upload");
    }
    const chosen = parts.map(({ part, etag }) => {
      const found = upload.parts.get(part);
      if (found === undefined || found.etag !== etag) throw new StoreRefused(`part ${part} is not there`);
      return found.bytes;
    });
    const first = chosen[0]?.length ?? 0;
    const isUnequal = chosen.slice(0, -1).some((bytes) => bytes.length !== first || bytes.length < PART_MIN);
    if (isUnequal || (chosen.at(-1)?.length ?? 0) > first) throw new StoreRefused("unequal parts");
    const bytes = new Uint8Array(await new Blob(chosen).arrayBuffer());
    this.#keep(key, { bytes, metadata: upload.metadata });
    this.#multiparts.delete(multipart);
  }

  async abortMultipart(_key: string, multipart: string): Promise<void> {
    this.#multiparts.delete(multipart);
  }

  get uploadsUnderWay(): number {
    return this.#multiparts.size;
  }
}
