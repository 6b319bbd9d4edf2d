/** Varints and byte strings of the formats in docs/spec/delta.md. */
import { refusal } from "./refusal.ts";

/** 2^53 - 1 has 53 bits: eight groups of seven. */
const MAX_VARINT_BYTES = 8;

/** A byte string that grows. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  /** @param expected bytes: what is long and known is not copied as it grows */
  constructor(expected = 256) {
    this.#bytes = new Uint8Array(expected);
  }

  #room(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + more));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.length);
    this.length += value.length;
  }

  varint(value: number): void {
    this.#room(MAX_VARINT_BYTES);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
  }

  signed(value: number): void {
    this.varint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /** The bytes so far; a view that the next write may leave behind. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }
}

/** Reads what others wrote: never past the end, and every refusal says where it was (`delta_truncated`). */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  position = 0;

  /** `what` begins the reasons of refusals: "delta", "frame", "signature". */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get left(): number {
    return this.#bytes.length - this.position;
  }

  byte(): number {
    const value = this.#bytes[this.position];
    if (value === undefined) throw refusal(`${this.#what}_truncated`, `The ${this.#what} ends too early.`);
    this.position++;
    return value;
  }

  bytes(length: number): Uint8Array {
    if (length > this.left) throw refusal(`${this.#what}_truncated`, `The ${this.#what} ends too early.`);
    this.position += length;
    return this.#bytes.subarray(this.position - length, this.position);
  }

  /** Refuses more than 53 bits, and a needless last zero byte, so that a number has one form. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte >= 0x80) continue;
      if ((byte === 0 && count > 0) || value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    throw refusal(`${this.#what}_varint`, `The ${this.#what} holds a malformed number.`);
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A number that must lie in `min..max`, else the refusal `reason`. */
  bounded(min: number, max: number, reason: string): number {
    const value = this.varint();
    if (value < min || value > max)
      throw refusal(`${this.#what}_${reason}`, `The ${this.#what} holds ${value} where ${min} to ${max} may be.`);
    return value;
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }
}
