/** Bytes of our own formats: big-endian integers, LEB128 varints up to 53 bits, raw runs. docs/spec/storage.md. */
import { damaged } from "./damage.ts";

export const toBase64 = (bytes: Uint8Array): string => {
  let text = "";
  // `apply` takes its arguments on the stack, so they go in slices.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
};

/** @throws `integrity_error` for what is no base64 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    throw damaged("a text is no base64");
  }
}

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

export class BinaryWriter {
  #buffer = new Uint8Array(256);
  #length = 0;

  #room(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, at));
      this.#buffer = grown;
    }
    return at;
  }

  u8(value: number): this {
    // Making room may change the buffer.
    const at = this.#room(1);
    this.#buffer[at] = value;
    return this;
  }

  u32(value: number): this {
    const at = this.#room(4);
    new DataView(this.#buffer.buffer).setUint32(at, value);
    return this;
  }

  varint(value: number): this {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.u8((rest % 128) | 128);
    return this.u8(rest);
  }

  raw(bytes: Uint8Array): this {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** A view that further writes may leave behind. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }
}

/** Throws `integrity_error` where the bytes end too early or a number cannot be. */
export class BinaryReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  raw(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw damaged("a record is too short");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  u8(): number {
    return this.raw(1)[0] as number;
  }

  u32(): number {
    const bytes = this.raw(4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
    }
    throw damaged("a number is too large");
  }

  /** A number of things that take `each` bytes at least: never more than there can be. */
  count(each: number): number {
    const count = this.varint();
    if (count * each > this.#bytes.length - this.#at) throw damaged("a list is too short");
    return count;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw damaged("a record is too long");
  }
}
