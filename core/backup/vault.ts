/** Objects of a backup: JSON, compressed, sealed under a key of its own and its own name. docs/spec/durability.md, BK2. */
import { BinaryReader, BinaryWriter } from "../storage/binary.ts";
import { damaged } from "../storage/damage.ts";
import type { Codec, ObjectStore } from "../storage/ports.ts";
import type { BackupKeys } from "./keys.ts";

const FORMAT = "EDBK1";
/** No object is longer: a chunk ends behind the page that fills it. */
const STORED_MAX = 64 * 1024 * 1024;
/** A key seals one object only. */
const NONCE = new Uint8Array(12);

/** What is compressed at a time: as long as the blocks of packs, and no longer than what the runtime does at once. */
const PIECE = 256 * 1024;

const sealed = (name: string, length: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(new TextEncoder().encode([FORMAT, name, length].join("\n")));

export class Vault {
  readonly objects: Pick<ObjectStore, "put" | "get" | "list" | "delete">;
  readonly #keys: BackupKeys;
  readonly #codec: Codec;

  constructor(objects: Vault["objects"], codec: Codec, keys: BackupKeys) {
    this.objects = objects;
    this.#codec = codec;
    this.#keys = keys;
  }

  async put(name: string, value: unknown): Promise<void> {
    const raw = new TextEncoder().encode(JSON.stringify(value));
    const payload = this.#deflate(raw);
    const { key, metadata } = await this.#keys.create();
    const length = String(raw.length);
    const params = { name: "AES-GCM", iv: NONCE, additionalData: sealed(name, length) };
    const body = new Uint8Array(await crypto.subtle.encrypt(params, key, payload));
    await this.objects.put(name, body, { format: FORMAT, length, ...metadata });
  }

  /** @throws `integrity_error` when it is gone, cut or changed, or is another object under this name */
  async get(name: string): Promise<unknown> {
    const object = await this.objects.get(name, 0, STORED_MAX);
    if (object === null) throw damaged(`${name} is not there`);
    const { format, length = "" } = object.metadata;
    if (format !== FORMAT) throw damaged(`${name} is no object of a backup`);
    const key = await this.#keys.open(object.metadata);
    const params = { name: "AES-GCM", iv: NONCE, additionalData: sealed(name, length) };
    const payload = await crypto.subtle.decrypt(params, key, object.bytes).then(
      (bytes) => new Uint8Array(bytes),
      () => {
        throw damaged(`${name} does not open`);
      },
    );
    const raw = this.#inflate(payload, Number(length));
    if (raw.length !== Number(length)) throw damaged(`${name} has another length`);
    return JSON.parse(new TextDecoder().decode(raw));
  }

  /** Raw length (4), stored length (4), bytes; stored raw where zstd does not help. */
  #deflate(raw: Uint8Array): Uint8Array<ArrayBuffer> {
    const writer = new BinaryWriter();
    for (let at = 0; at < raw.length; at += PIECE) {
      const piece = raw.slice(at, at + PIECE);
      const compressed = this.#codec.compress(piece);
      const stored = compressed !== null && compressed.length < piece.length ? compressed : piece;
      writer.u32(piece.length).u32(stored.length).raw(stored);
    }
    return writer.bytes;
  }

  /** @throws `integrity_error` */
  #inflate(payload: Uint8Array, length: number): Uint8Array {
    const reader = new BinaryReader(payload);
    const raw = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const size = reader.u32();
      const stored = reader.raw(reader.u32());
      const piece = stored.length === size ? stored : this.#codec.decompress(stored, size);
      if (size === 0 || piece.length !== size || at + size > length) throw damaged("a backup has another length");
      raw.set(piece, at);
      at += size;
    }
    return raw;
  }
}
