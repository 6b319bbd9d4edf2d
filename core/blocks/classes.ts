/** Size classes of blocks, named by the binary logarithm of their average. docs/spec/storage.md, B1 and B5. */
const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

export const BLOCK_BITS = [14, 16, 18, 20] as const;
export type BlockBits = (typeof BLOCK_BITS)[number];

export const isBlockBits = (value: number): value is BlockBits => (BLOCK_BITS as readonly number[]).includes(value);

/** The shortest block of a class, bytes, but for the last one of a content. */
export const minBlock = (bits: BlockBits): number => (1 << bits) / 4;

/** The longest block of a class, bytes. */
export const maxBlock = (bits: BlockBits): number => 8 << bits;

/** No block of any class is longer. */
export const BLOCK_MAX = maxBlock(20);

function bySize(size: number | null): BlockBits {
  if (size === null) return 16;
  if (size < 4 * MiB) return 14;
  if (size <= 256 * MiB) return 16;
  return size <= 8 * GiB ? 18 : 20;
}

/**
 * @param size bytes; null when it is not known beforehand
 * @param parent the class of the version before: crossing a class would lose nearly all matches
 */
export function chooseBits(size: number | null, parent: BlockBits | null): BlockBits {
  const wanted = bySize(size);
  return parent !== null && Math.abs(parent - wanted) <= 2 ? parent : wanted;
}
