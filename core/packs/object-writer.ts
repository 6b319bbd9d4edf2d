import type { ObjectMetadata, ObjectStore } from "../storage/ports.ts";
import { free } from "../storage/free.ts";
import { CAPACITY, PART, type PartBuffers } from "./part-buffers.ts";

/**
 * One object from pieces: a `put`, or a multipart upload once it does not fit one. The next part fills while the last
 * one is sent, where there is memory for both. docs/spec/storage.md, PK2.
 */
export class ObjectWriter {
  readonly #objects: ObjectStore;
  readonly #key: string;
  readonly #metadata: ObjectMetadata;
  readonly #buffers: PartBuffers;
  #buffer: Uint8Array<ArrayBuffer>;
  #length = 0;
  #sent = 0;
  #multipart: string | null = null;
  readonly #parts: { part: number; etag: string }[] = [];
  /** The part under way, and its buffer. */
  #sending: Promise<void> = Promise.resolve();

  /** @param expected bytes, roughly: what the first buffer is made for */
  constructor(objects: ObjectStore, key: string, metadata: ObjectMetadata, buffers: PartBuffers, expected: number) {
    this.#objects = objects;
    this.#key = key;
    this.#metadata = metadata;
    this.#buffers = buffers;
    this.#buffer = buffers.first(expected);
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      if (this.#length === this.#buffer.length) await this.#makeRoom(bytes.length - from);
      const piece = bytes.subarray(from, from + this.#buffer.length - this.#length);
      this.#buffer.set(piece, this.#length);
      this.#length += piece.length;
      from += piece.length;
    }
  }

  async #makeRoom(more: number): Promise<void> {
    if (this.#buffer.length === CAPACITY) return this.#sendPart();
    const grown = new Uint8Array(Math.min(CAPACITY, Math.max(this.#length + more, this.#length * 2)));
    grown.set(this.#buffer);
    free(this.#buffer);
    this.#buffer = grown;
  }

  async #sendPart(): Promise<void> {
    await this.#sending;
    this.#multipart ??= await this.#objects.createMultipart(this.#key, this.#metadata);
    const full = this.#buffer;
    const next = this.#buffers.second();
    if (next === null) {
      await this.#send(full.subarray(0, PART));
      full.copyWithin(0, PART, this.#length);
    } else {
      this.#buffer = next;
      next.set(full.subarray(PART, this.#length));
      this.#sending = this.#send(full.subarray(0, PART)).then(() => this.#buffers.give(full));
      // It is awaited before the next part; until then a failure must not count as unhandled.
      this.#sending.catch(() => undefined);
    }
    this.#length -= PART;
  }

  async #send(body: Uint8Array): Promise<void> {
    const part = this.#parts.length + 1;
    const entry = { part, etag: "" };
    this.#parts.push(entry);
    entry.etag = await this.#objects.uploadPart(this.#key, this.#multipart as string, part, body);
    this.#sent += body.length;
  }

  /** @returns the object's size */
  async finish(): Promise<number> {
    if (this.#multipart === null) {
      await this.#objects.put(this.#key, this.#buffer.subarray(0, this.#length), this.#metadata);
      this.#sent = this.#length;
    } else {
      await this.#sending;
      for (let at = 0; at < this.#length; at += PART)
        await this.#send(this.#buffer.subarray(at, Math.min(at + PART, this.#length)));
      await this.#objects.completeMultipart(this.#key, this.#multipart, this.#parts);
    }
    this.#buffers.give(this.#buffer);
    return this.#sent;
  }

  /** Best effort: what stays behind is found by its name. */
  async abort(): Promise<void> {
    await this.#sending.catch(() => undefined);
    if (this.#multipart !== null) await this.#objects.abortMultipart(this.#key, this.#multipart).catch(() => undefined);
  }
}
