/** What the codec needs of the runtime it runs in. */

/** How a body is packed: the codec byte of docs/spec/delta.md. */
export const CODEC = { none: 0, deflate: 1, zstd: 2 } as const;
export type Codec = (typeof CODEC)[keyof typeof CODEC];

/** Packs with the best codec that the runtime has; the result may be longer than its input (`none` is used then). */
export interface Packer {
  readonly codec: Codec;
  pack(bytes: Uint8Array): Promise<Uint8Array> | Uint8Array;
}

/**
 * Unpacks, with memory bounded by `max_length`: it stops at twice that and 64 KiB at the latest, whatever the input (the exact
 * length is compared here), and throws when the input would make more, is damaged or is cut short.
 */
export type Unpack = (
  codec: Exclude<Codec, 0>,
  bytes: Uint8Array,
  max_length: number,
) => Promise<Uint8Array> | Uint8Array;

/**
 * The bytes of one version. `read` gives exactly `length` bytes, or fewer when the version ends before; they may be in `into`,
 * a buffer of `length` bytes at least that the caller has no other use for: new memory costs as much as reading.
 */
export interface ByteSource {
  readonly size: number;
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> | Uint8Array;
}

/** A source over bytes that are in memory. */
export const memorySource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});
