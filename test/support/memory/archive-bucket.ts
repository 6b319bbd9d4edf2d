/** A tenant's archive in memory. */
import { createHash } from "node:crypto";
import type { StoredObject } from "../../../core/storage/ports.ts";
import type { ArchiveBucket, Moving, StorageClass, TierObjects } from "../../../core/tiers/ports.ts";

const readAll = async (body: ReadableStream): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await new Response(body).arrayBuffer());

const md5Of = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

export class MemoryArchive implements ArchiveBucket {
  readonly objects = new Map<string, StoredObject>();
  readonly written: string[] = [];

  async has(key: string, size: number): Promise<boolean> {
    return this.objects.get(key)?.bytes.length === size;
  }

  async put(key: string, { body, size, metadata, md5 }: Moving): Promise<void> {
    const bytes = await readAll(body);
    if (bytes.length !== size || md5Of(bytes) !== md5) throw new Error("other bytes than were said");
    this.objects.set(key, { bytes, metadata });
    this.written.push(key);
  }

  async list(prefix: string, after: string, limit: number) {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted();
    const objects = keys
      .slice(0, limit)
      .map((key) => ({ key, size: this.objects.get(key)?.bytes.length ?? 0, uploaded_at: 1 }));
    return { objects, next: keys.length > limit ? (objects.at(-1)?.key ?? null) : null };
  }

  async take(key: string): Promise<Moving | null> {
    const object = this.objects.get(key);
    if (object === undefined) return null;
    const { bytes, metadata } = object;
    return { body: new Blob([bytes]).stream(), size: bytes.length, metadata, md5: md5Of(bytes) };
  }

  async get(key: string, offset: number, length: number): Promise<StoredObject | null> {
    const object = this.objects.get(key);
    if (object === undefined || offset >= object.bytes.length) return null;
    return { ...object, bytes: object.bytes.slice(offset, offset + length) };
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key);
  }
}

/** R2's side of moves, over a map of objects. */
export class MemoryTierObjects implements TierObjects {
  readonly classes = new Map<string, StorageClass>();
  /** What was asked for, in order. */
  readonly asked: string[] = [];
  readonly objects: Map<string, StoredObject>;

  constructor(objects: Map<string, StoredObject>) {
    this.objects = objects;
  }

  async move(key: string, to: StorageClass): Promise<boolean> {
    this.asked.push(`${to} ${key}`);
    if (this.objects.has(key)) this.classes.set(key, to);
    return this.objects.has(key);
  }

  async copyTo(archive: ArchiveBucket, key: string): Promise<boolean> {
    this.asked.push(`archive ${key}`);
    const object = this.objects.get(key);
    if (object === undefined) return false;
    const { bytes, metadata } = object;
    await archive.put(key, { body: new Blob([bytes]).stream(), size: bytes.length, metadata, md5: md5Of(bytes) });
    return true;
  }

  async copyFrom(archive: ArchiveBucket, key: string): Promise<boolean> {
    this.asked.push(`back ${key}`);
    if (this.objects.has(key)) return true;
    const object = await archive.take(key);
    if (object !== null) this.objects.set(key, { bytes: await readAll(object.body), metadata: object.metadata });
    return object !== null;
  }

  async drop(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      this.asked.push(`drop ${key}`);
      this.objects.delete(key);
    }
  }
}
