/** Objects of a backup: JSON, compressed, sealed under a key of its own and its own name. docs/spec/durability.md, BK2. */
import { damaged } from "../storage/damage.ts";
import type { Codec, ObjectStore } from "../storage/ports.ts";
import type { BackupKeys } from "./keys.ts";

const FORMAT = "EDBK1";
/** No object is longer: a chunk ends behind the page that fills it. */
const STORED_MAX = 64 * 1024 * 1024;
/** A key seals one object only. */
const NONCE = new Uint8Array(12);

const sealed = (name: string, length: string, codec: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(new TextEncoder().encode([FORMAT, name, length, codec].join("\n")));

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
    const compressed = this.#codec.compress(raw);
    const payload = compressed !== null && compressed.length < raw.length ? compressed : raw;
    const { key, metadata } = await this.#keys.create();
    const said = { length: String(raw.length), codec: payload === raw ? "raw" : "zstd" };
    const params = { name: "AES-GCM", iv: NONCE, additionalData: sealed(name, said.length, said.codec) };
    const body = new Uint8Array(await crypto.subtle.encrypt(params, key, payload as Uint8Array<ArrayBuffer>));
    await this.objects.put(name, body, { format: FORMAT, ...said, ...metadata });
  }

  /** @throws `integrity_error` when it is gone, cut or changed, or is another object under this name */
  async get(name: string): Promise<unknown> {
    const object = await this.objects.get(name, 0, STORED_MAX);
    if (object === null) throw damaged(`${name} is not there`);
    const { format, length = "", codec = "" } = object.metadata;
    if (format !== FORMAT) throw damaged(`${name} is no object of a backup`);
    const key = await this.#keys.open(object.metadata);
    const params = { name: "AES-GCM", iv: NONCE, additionalData: sealed(name, length, codec) };
    const payload = await crypto.subtle.decrypt(params, key, object.bytes).then(
      (bytes) => new Uint8Array(bytes),
      () => {
        throw damaged(`${name} does not open`);
      },
    );
    const raw = codec === "zstd" ? this.#codec.decompress(payload, Number(length)) : payload;
    if (raw.length !== Number(length)) throw damaged(`${name} has another length`);
    return JSON.parse(new TextDecoder().decode(raw));
  }
}
