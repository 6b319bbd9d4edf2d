/**
 * SHA-256 that can stop and go on elsewhere. No runtime's native hash gives its state away, so the pure one does it: its
 * compression state, its length and the bytes of the unfinished block are all there is to it (FIPS 180-4, 6.2).
 */
import { _SHA256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { fromBase64, toBase64 } from "../storage/binary.ts";
import { damaged } from "../storage/damage.ts";

const WORDS = 8;
/** Eight words and the length as 64 bits; behind them less than a block of 64 bytes. */
const HEAD = WORDS * 4 + 8;

/** Lives off what the library gives its own subclasses: `get`, `set`, `length`, `pos` and `buffer` (2.4.0, pinned). */
export class Sha256State extends _SHA256 {
  /** @throws `integrity_error` for what no `save` made */
  static restore(text: string): Sha256State {
    const bytes = fromBase64(text);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const hash = new Sha256State();
    const length = bytes.length < HEAD ? -1 : Number(view.getBigUint64(WORDS * 4));
    if (length % hash.blockLen !== bytes.length - HEAD) throw damaged("the state of a hash was changed");
    const word = (i: number): number => view.getInt32(i * 4);
    hash.set(word(0), word(1), word(2), word(3), word(4), word(5), word(6), word(7));
    hash.buffer.set(bytes.subarray(HEAD));
    hash.pos = bytes.length - HEAD;
    hash.length = length;
    return hash;
  }

  /** As base64, 140 letters at most. */
  save(): string {
    const bytes = new Uint8Array(HEAD + this.pos);
    const view = new DataView(bytes.buffer);
    for (const [i, word] of this.get().entries()) view.setInt32(i * 4, word);
    view.setBigUint64(WORDS * 4, BigInt(this.length));
    bytes.set(this.buffer.subarray(0, this.pos), HEAD);
    return toBase64(bytes);
  }

  /** Lower-case hex; ends it. */
  hex(): string {
    return bytesToHex(this.digest());
  }
}
