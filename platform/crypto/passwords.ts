import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import type { PasswordHasher } from "../../core/identity/ports.ts";

/**
 * OWASP's scrypt setting of 16 MiB (N=2^14, r=8, p=5): an isolate has 128 MiB for all its requests, and PBKDF2 is
 * capped at 100,000 rounds in production.
 */
const N = 2 ** 14;
const R = 8;
const P = 5;
const LENGTH = 32;

const derive = (password: string, salt: Uint8Array): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), salt, LENGTH, { N, r: R, p: P, maxmem: 64 * 2 ** 20 }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });

/** For accounts that do not exist: the same work, never a match. */
const NOBODY = `scrypt$${Buffer.alloc(16).toString("base64")}$${Buffer.alloc(LENGTH).toString("base64")}`;

/** Stored as `scrypt$salt$key`, base64. */
export const scryptPasswords: PasswordHasher = {
  async hash(password) {
    const salt = Buffer.from(randomBytes(16));
    const key = await derive(password, salt);
    return `scrypt$${salt.toString("base64")}$${Buffer.from(key).toString("base64")}`;
  },
  async verify(password, hash) {
    const [, salt, key] = (hash ?? NOBODY).split("$") as [string, string, string];
    const derived = await derive(password, Buffer.from(salt, "base64"));
    return timingSafeEqual(derived, Buffer.from(key, "base64")) && hash !== null;
  },
};
