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
 * Unpacks. Must never make more than `max_length` bytes, whatever the input, and must throw when the input would,
 * when it is damaged, cut short, or followed by other bytes.
 */
export type Unpack = (
  codec: Exclude<Codec, 0>,
  bytes: Uint8Array,
  max_length: number,
) => Promise<Uint8Array> | Uint8Array;

/** The bytes of one version. `read` gives exactly `length` bytes, or fewer when the version ends before. */
export interface ByteSource {
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array> | Uint8Array;
}

/** A source over bytes that are in memory. */
export const memorySource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});
