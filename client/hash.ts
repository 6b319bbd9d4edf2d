/** Lower-case hex SHA-256. WebCrypto is not there outside secure contexts; then the pure one is, ten times slower. */
import { sha256 as pure } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (!(crypto.subtle as SubtleCrypto | undefined)) return bytesToHex(pure(bytes));
  return bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Where WebCrypto is missing, nothing is cut into blocks: it would take longer than sending. */
export const canHash = (): boolean => (crypto.subtle as SubtleCrypto | undefined) !== undefined;
