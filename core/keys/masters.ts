import { importKey, KEY_BYTES } from "./wrap.ts";

/** Master keys by version; the newest one wraps. */
export interface MasterKeys {
  newest: string;
  keys: ReadonlyMap<string, Promise<CryptoKey>>;
}

const ENTRY = /^(v\d+):([A-Za-z0-9+/]{43}=)$/;

/**
 * `v1:{base64 of 32 bytes},v2:...`, the newest one last (K1).
 * @throws with what is wrong, never with a value
 */
export function parseMasterKeys(text: string): MasterKeys {
  const keys = new Map<string, Promise<CryptoKey>>();
  for (const [i, entry] of text.split(",").entries()) {
    const [, version, base64] = ENTRY.exec(entry.trim()) ?? [];
    if (version === undefined || base64 === undefined)
      throw new Error(`entry ${i + 1} is not v{number}:{base64 of ${KEY_BYTES} bytes}`);
    if (keys.has(version)) throw new Error(`${version} is there twice`);
    keys.set(version, importKey(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))));
  }
  return { newest: [...keys.keys()].at(-1) as string, keys };
}
