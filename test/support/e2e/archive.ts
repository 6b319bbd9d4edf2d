/** A real tar of any size whose bytes follow from a seed: made on the way, never held, the same wherever it is read. */
import { createCipheriv, createHash } from "node:crypto";

const BLOCK = 512;
const NAME = "archive.bin";

/** POSIX ustar (IEEE Std 1003.1, pax): fields are octal text, the checksum counts its own field as spaces. */
function header(size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const put = (text: string, at: number): void => void block.write(text, at, "latin1");
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  put(NAME, 0);
  put(octal(0o644, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  put(octal(1_700_000_000, 11), 136);
  put("        ", 148);
  put("0", 156);
  put("ustar\x0000", 257);
  put(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
  );
  return block;
}

export class Archive {
  readonly #seed: Buffer;
  readonly #entry: number;
  readonly #header: Buffer;
  /** Bytes of the tar as a whole. */
  readonly size: number;

  /** @param entry bytes of the one file in it, a multiple of 512 */
  constructor(entry: number, seed: string) {
    if (entry % BLOCK !== 0) throw new Error("an entry is a whole number of blocks here");
    this.#entry = entry;
    this.#seed = createHash("sha256").update(seed).digest();
    this.#header = header(entry);
    this.size = BLOCK + entry + 2 * BLOCK;
  }

  /** Noise that no compression and no duplicate can shorten: AES in counter mode, which can be read from anywhere. */
  #noise(offset: number, length: number): Buffer {
    const counter = Buffer.alloc(16);
    counter.writeUIntBE(Math.floor(offset / 16), 10, 6);
    const skip = offset % 16;
    const cipher = createCipheriv("aes-128-ctr", this.#seed.subarray(0, 16), counter);
    return cipher.update(Buffer.alloc(skip + length)).subarray(skip);
  }

  /** `length` bytes from `offset`, fewer at the end. */
  read(offset: number, length: number): Buffer {
    const end = Math.min(offset + length, this.size);
    const head = this.#header.subarray(Math.min(offset, BLOCK), Math.min(end, BLOCK));
    const from = Math.max(offset, BLOCK) - BLOCK;
    const to = Math.min(end - BLOCK, this.#entry);
    const noise = to > from ? this.#noise(from, to - from) : Buffer.alloc(0);
    const zeros = Buffer.alloc(Math.max(0, end - Math.max(offset, BLOCK + this.#entry)));
    return Buffer.concat([head, noise, zeros]);
  }

  *pieces(size = 1 << 20): Generator<Buffer> {
    for (let at = 0; at < this.size; at += size) yield this.read(at, size);
  }

  sha256(): string {
    const hash = createHash("sha256");
    for (const piece of this.pieces()) hash.update(piece);
    return hash.digest("hex");
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
