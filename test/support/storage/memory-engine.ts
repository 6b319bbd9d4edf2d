/** The storage engine over memory, for tests in Node; the codec is the real one. */
import { createHash } from "node:crypto";
import { KeyRing } from "../../../core/keys/ring.ts";
import { parseMasterKeys } from "../../../core/keys/masters.ts";
import type { KeyStore, TenantKeyRow } from "../../../core/keys/ports.ts";
import type { Engine } from "../../../core/storage/engine.ts";
import type { Bytes, ObjectMetadata, ObjectStore, StoredObject } from "../../../core/storage/ports.ts";
import { zstd } from "../../../platform/codec/zstd.ts";

export const MASTER_KEYS = `v1:${btoa("m".repeat(32))}`;

export class MemoryObjects implements ObjectStore {
  readonly objects = new Map<string, StoredObject>();
  readonly #uploads = new Map<string, { metadata: ObjectMetadata; parts: Map<number, Uint8Array> }>();
  calls = { put: 0, get: 0, multipart: 0, part: 0 };

  async put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    this.calls.put++;
    this.objects.set(key, { bytes: new Uint8Array(body), metadata });
  }

  async get(key: string, offset: number, length: number): Promise<StoredObject | null> {
    this.calls.get++;
    const object = this.objects.get(key);
    if (object === undefined || offset >= object.bytes.length) return null;
    return { ...object, bytes: object.bytes.slice(offset, offset + length) };
  }

  async delete(keys: string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key);
  }

  async list(prefix: string): Promise<string[]> {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix));
  }

  async createMultipart(_key: string, metadata: ObjectMetadata): Promise<string> {
    this.calls.multipart++;
    const id = `upload-${this.calls.multipart}`;
    this.#uploads.set(id, { metadata, parts: new Map() });
    return id;
  }

  async uploadPart(_key: string, multipart: string, part: number, body: Uint8Array): Promise<string> {
    this.calls.part++;
    const upload = this.#uploads.get(multipart);
    if (upload === undefined) throw new Error("no such upload");
    const taken = body.slice();
    // The owner must not touch the body before the call is settled.
    await new Promise((resolve) => setImmediate(resolve));
    if (!Buffer.from(taken.buffer).equals(body)) throw new Error("the body changed while it was sent");
    upload.parts.set(part, taken);
    return `etag-${part}`;
  }

  async completeMultipart(key: string, multipart: string, parts: { part: number; etag: string }[]): Promise<void> {
    const upload = this.#uploads.get(multipart);
    if (upload === undefined) throw new Error("no such upload");
    const bodies = parts.map(({ part }) => upload.parts.get(part) as Uint8Array);
    const sizes = new Set(bodies.slice(0, -1).map((body) => body.length));
    const last = bodies.at(-1)?.length ?? 0;
    if (sizes.size > 1 || [...sizes].some((size) => size < last || size < 5 * 1024 * 1024))
      throw new Error("parts of unequal length");
    this.objects.set(key, { bytes: new Uint8Array(Buffer.concat(bodies)), metadata: upload.metadata });
    this.#uploads.delete(multipart);
  }

  async abortMultipart(_key: string, multipart: string): Promise<void> {
    this.#uploads.delete(multipart);
  }

  get uploadsUnderWay(): number {
    return this.#uploads.size;
  }
}

export class MemoryKeys implements KeyStore {
  readonly rows: TenantKeyRow[] = [];

  async newest(tenant_id: number): Promise<TenantKeyRow | null> {
    return this.rows.findLast((row) => row.tenant_id === tenant_id) ?? null;
  }

  async find(tenant_id: number, version: number): Promise<TenantKeyRow | null> {
    return this.rows.find((row) => row.tenant_id === tenant_id && row.version === version) ?? null;
  }

  async add(row: TenantKeyRow): Promise<TenantKeyRow> {
    const there = await this.find(row.tenant_id, row.version);
    if (there === null) this.rows.push(row);
    return there ?? row;
  }
}

export const nodeBytes: Bytes = {
  hasher() {
    const hash = createHash("sha256");
    return { update: async (piece) => void hash.update(piece), digest: async () => hash.digest("hex") };
  },
  async *pieces(body, size) {
    const buffer = new Uint8Array(size);
    let length = 0;
    for await (const bytes of body)
      for (let from = 0; from < bytes.length;) {
        const piece = bytes.subarray(from, from + size - length);
        buffer.set(piece, length);
        length += piece.length;
        from += piece.length;
        if (length < size) continue;
        yield buffer;
        length = 0;
      }
    if (length > 0) yield buffer.subarray(0, length);
  },
  async discard(body) {
    await body.cancel();
  },
};

export interface MemoryEngine extends Engine {
  objects: MemoryObjects;
  store: MemoryKeys;
}

export function memoryEngine(objects = new MemoryObjects(), store = new MemoryKeys()): MemoryEngine {
  return { objects, store, codec: zstd, keys: new KeyRing(parseMasterKeys(MASTER_KEYS), store, () => Date.now()) };
}

export async function* piecesOf(bytes: Uint8Array, size = 1024 * 1024): AsyncIterable<Uint8Array> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
  }
}
