/**
 * WebCrypto as core uses it, without threads and without chance: the same numbers in every run, and nothing between two
 * calls of ports that takes a moment which is not the test's. Its bytes are those of the real one.
 */
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";

type Params = { iv: Uint8Array; additionalData: Uint8Array };
interface Key {
  raw: Uint8Array;
}

const TAG = 16;
const bufferOf = (...parts: Uint8Array[]): ArrayBuffer => {
  const all = Buffer.concat(parts);
  return all.buffer.slice(all.byteOffset, all.byteOffset + all.length) as ArrayBuffer;
};

/** Numbers that a seed names (xorshift, 32 bits). */
export function numbers(seed: number): () => number {
  let x = (seed ^ 0x9e3779b9) | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

const subtle = {
  importKey: async (_format: string, raw: Uint8Array): Promise<Key> => ({ raw: Uint8Array.from(raw) }),

  digest: async (_name: string, bytes: Uint8Array): Promise<ArrayBuffer> =>
    bufferOf(createHash("sha256").update(bytes).digest()),

  async encrypt({ iv, additionalData }: Params, { raw }: Key, bytes: Uint8Array): Promise<ArrayBuffer> {
    const cipher = createCipheriv("aes-256-gcm", raw, iv).setAAD(additionalData);
    return bufferOf(cipher.update(bytes), cipher.final(), cipher.getAuthTag());
  },

  async decrypt({ iv, additionalData }: Params, { raw }: Key, sealed: Uint8Array): Promise<ArrayBuffer> {
    if (sealed.length < TAG || iv.length === 0) throw new Error("OperationError");
    const cipher = createDecipheriv("aes-256-gcm", raw, iv, { authTagLength: TAG }).setAAD(additionalData);
    cipher.setAuthTag(sealed.subarray(-TAG));
    return bufferOf(cipher.update(sealed.subarray(0, -TAG)), cipher.final());
  },
};

export function seededCrypto(seed: number) {
  const next = numbers(seed);
  const getRandomValues = <T extends Uint8Array | Uint32Array>(into: T): T => {
    for (let i = 0; i < into.length; i++) into[i] = next();
    return into;
  };
  return { subtle, getRandomValues };
}
