/** Bytes of the disk that are read as one whole, or not at all: LO2. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { sameFingerprint } from "./local/local-tree.ts";
import { type Content, type Disk, DiskError, type DiskFile, type Fingerprint } from "./ports.ts";

/** SHA-256 of what comes in pieces. A program for Node gives its own. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Lower-case hex. */
  digest(): string;
}

export const pureHasher = (): Hasher => {
  const hash = sha256.create();
  return { update: (bytes) => void hash.update(bytes), digest: () => bytesToHex(hash.digest()) };
};

const PIECE = 1024 * 1024;

async function requireSame(file: DiskFile, path: string, expected: Fingerprint): Promise<void> {
  if (!sameFingerprint(await file.fingerprint(), expected)) throw new DiskError("changed", path);
}

async function opened<T>(disk: Disk, path: string, use: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await disk.open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** The hash of a file that is what it was seen to be, before and after. @throws DiskError `changed` */
export function hashFile(disk: Disk, path: string, seen: Fingerprint, newHasher: () => Hasher): Promise<string> {
  return opened(disk, path, async (file) => {
    await requireSame(file, path, seen);
    const hasher = newHasher();
    for (let at = 0; at < seen.size;) {
      const bytes = await file.read(at, Math.min(PIECE, seen.size - at));
      if (bytes.length === 0) throw new DiskError("changed", path);
      hasher.update(bytes);
      at += bytes.length;
    }
    await requireSame(file, path, seen);
    return hasher.digest();
  });
}

/** A file as it is sent; every piece is of the file that was hashed. */
export function withContent<T>(
  disk: Disk,
  path: string,
  { seen, hash }: { seen: Fingerprint; hash: string },
  use: (content: Content) => Promise<T>,
): Promise<T> {
  return opened(disk, path, async (file) => {
    await requireSame(file, path, seen);
    const { size, modified_ms } = seen;
    const read = async (offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> => {
      const bytes = await file.read(offset, length);
      await requireSame(file, path, seen);
      return bytes;
    };
    return use({ size, hash, key: JSON.stringify([path, size, modified_ms]), read });
  });
}

/** A small file as it is sent, its bytes in memory and checked. @throws DiskError `changed` */
export async function smallContent(
  disk: Disk,
  path: string,
  of: { seen: Fingerprint; hash: string },
  newHasher: () => Hasher,
): Promise<Content> {
  return withContent(disk, path, of, async (content) => {
    const bytes = await content.read(0, content.size);
    const hasher = newHasher();
    hasher.update(bytes);
    if (bytes.length !== content.size || hasher.digest() !== of.hash) throw new DiskError("changed", path);
    return { ...content, read: async (offset, length) => bytes.slice(offset, offset + length) };
  });
}
