/** Fine signatures of a version, and matching by them alone: docs/spec/delta.md, D10 to D12. */
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Matches } from "./runs.ts";
import type { Matcher } from "./encode.ts";
import type { ByteSource } from "./ports.ts";
import { refusal } from "./refusal.ts";
import { hashOf, MULTIPLIER, murmur3, slotOf, SPREAD, weight } from "./rolling.ts";

const MAGIC = [0x45, 0x44, 0x53, 0x31]; // "EDS1"
/** Bytes before the pieces, at most. */
const HEAD_MAX = MAGIC.length + 9;
const SMALLEST_LOG2 = 10;
const LARGEST_LOG2 = 20;
const PIECES_LOG2 = 20;
const READ_BYTES = 4 * 1024 * 1024;

export interface Signature {
  piece_size: number;
  /** Of the version. */
  size: number;
  weak: Int32Array;
  strong: Int32Array;
}

export function pieceSizeFor(size: number): number {
  let log2 = SMALLEST_LOG2;
  while (log2 < LARGEST_LOG2 && size > 2 ** (log2 + PIECES_LOG2)) log2++;
  return 2 ** log2;
}

/** Bytes of a version that lie in the one before it: `length` bytes from `offset` are its bytes from `base_offset`. */
export interface KeptRun {
  offset: number;
  base_offset: number;
  length: number;
}

/** Of a version that is still to be signed. */
export const emptySignature = (size: number): Signature => {
  const piece_size = pieceSizeFor(size);
  const count = Math.floor(size / piece_size);
  return { piece_size, size, weak: new Int32Array(count), strong: new Int32Array(count) };
};

/** Signs whole pieces, the first of which is `first`, from their bytes. */
export function signPieces(signature: Signature, first: number, bytes: Uint8Array): void {
  const { piece_size, weak, strong } = signature;
  for (let at = 0, piece = first; at + piece_size <= bytes.length; at += piece_size, piece++) {
    weak[piece] = hashOf(bytes, at, piece_size);
    strong[piece] = murmur3(bytes, at, piece_size);
  }
}

/** Reads the version once, 4 MiB at a time. */
export const signatureOf = (version: ByteSource): Promise<Signature> => signatureAfter(version, null, []);

/** As `signatureOf`, but reads only what is not known from the version before: pieces that were moved by whole pieces. */
export async function signatureAfter(
  version: ByteSource,
  base: Signature | null,
  kept: readonly KeptRun[],
): Promise<Signature> {
  const signature = emptySignature(version.size);
  const { piece_size, weak, strong } = signature;
  let signed = 0;
  const sign = async (to: number): Promise<void> => {
    for (const per_read = READ_BYTES / piece_size; signed < to;) {
      const count = Math.min(per_read, to - signed);
      const bytes = await version.read(signed * piece_size, count * piece_size);
      if (bytes.length !== count * piece_size) throw new Error("The version ended before its size.");
      signPieces(signature, signed, bytes);
      signed += count;
    }
  };
  for (const { offset, base_offset, length } of base?.piece_size === piece_size ? kept : []) {
    if ((offset - base_offset) % piece_size !== 0) continue;
    const first = Math.ceil(offset / piece_size);
    const last = Math.floor((offset + length) / piece_size);
    if (last <= first) continue;
    await sign(first);
    const from = first - (offset - base_offset) / piece_size;
    weak.set(base!.weak.subarray(from, from + last - first), first);
    strong.set(base!.strong.subarray(from, from + last - first), first);
    signed = last;
  }
  await sign(weak.length);
  return signature;
}

export function serialiseSignature(signature: Signature): Uint8Array {
  const out = new ByteWriter(HEAD_MAX + 8 * signature.weak.length);
  for (const byte of MAGIC) out.byte(byte);
  out.byte(Math.log2(signature.piece_size));
  out.varint(signature.size);
  out.bytes(toBytes(signature.weak));
  out.bytes(toBytes(signature.strong));
  return out.view();
}

/** Throws `signature_*` when the stored bytes are not whole. */
export function parseSignature(bytes: Uint8Array): Signature {
  const reader = new ByteReader(bytes, "signature");
  for (const byte of MAGIC)
    if (reader.byte() !== byte) throw refusal("signature_magic", "These bytes are no signature.");
  const piece_size = 2 ** reader.bounded(SMALLEST_LOG2, LARGEST_LOG2, "piece_size");
  const size = reader.varint();
  const count = Math.floor(size / piece_size);
  if (piece_size !== pieceSizeFor(size))
    throw refusal("signature_piece_size", "The signature's pieces have a wrong size.");
  if (reader.left !== count * 8) throw refusal("signature_length", "The signature has not as many pieces as it says.");
  return { piece_size, size, weak: fromBytes(reader.bytes(count * 4)), strong: fromBytes(reader.bytes(count * 4)) };
}

/** Little-endian, as every runtime that there is: millions of words cost nothing. */
const toBytes = ({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Copied, since words begin at multiples of four. */
const fromBytes = (bytes: Uint8Array): Int32Array => new Int32Array(new Uint8Array(bytes).buffer);

/** Matches whole pieces of a version whose bytes are gone. */
export function signatureMatcher(signature: Signature): Matcher {
  const { piece_size, weak, strong } = signature;
  const shift = 32 - Math.max(8, Math.ceil(Math.log2(weak.length + 1)) + 1);
  const heads = new Int32Array(2 ** (32 - shift));
  /** The next piece in the same slot, so that no piece is forgotten. */
  const next = new Int32Array(weak.length);
  for (let piece = weak.length - 1; piece >= 0; piece--) {
    const slot = slotOf(weak[piece]!, shift);
    next[piece] = heads[slot]!;
    heads[slot] = piece + 1;
  }
  const leaving = weight(piece_size);

  /** The piece at `at`: the one after the last match when it fits, else the first that does; -1 for none. */
  function pieceAt(target: Uint8Array, at: number, hash: number, expected: number): number {
    let found = heads[slotOf(hash, shift)]!;
    if (found === 0) return -1;
    let proof: number | undefined;
    let first = -1;
    for (let steps = 0; found !== 0 && steps < MAX_CHAIN; found = next[found - 1]!, steps++) {
      const piece = found - 1;
      if (weak[piece] !== hash) continue;
      proof ??= murmur3(target, at, piece_size);
      if (strong[piece] !== proof) continue;
      if (piece === expected) return piece;
      if (first < 0) first = piece;
    }
    return first;
  }

  return ({ bytes: target }): Matches => {
    const matches: Matches = [];
    const last = target.length - piece_size;
    if (last < 0 || weak.length === 0) return matches;
    let at = 0;
    let expected = -1;
    let hash = hashOf(target, 0, piece_size);
    for (;;) {
      const piece = pieceAt(target, at, hash, expected);
      if (piece >= 0) {
        matches.push(at, piece * piece_size, piece_size);
        expected = piece + 1;
        at += piece_size;
        if (at > last) return matches;
        hash = hashOf(target, at, piece_size);
      } else {
        if (at === last) return matches;
        const enters = SPREAD[target[at + piece_size]!]!;
        hash = (Math.imul(hash, MULTIPLIER) + enters - Math.imul(leaving, SPREAD[target[at]!]!)) | 0;
        at++;
      }
    }
  };
}

/** Pieces of equal bytes (zeros) form long chains; looking through all of them would be quadratic. */
const MAX_CHAIN = 64;
