import { sha256 } from "@noble/hashes/sha2.js";

const SEED = "edgedrive gear 1";

/** The table of B2, docs/spec/storage.md: fixed for ever, since other cuts would match nothing that is stored. */
function makeGear(): Int32Array {
  const seed = new TextEncoder().encode(SEED);
  const input = new Uint8Array(seed.length + 4);
  input.set(seed);
  const counter = new DataView(input.buffer, seed.length);
  const gear = new Int32Array(256);
  for (let block = 0; block < 32; block++) {
    counter.setUint32(0, block);
    const words = new DataView(sha256(input).buffer);
    for (let word = 0; word < 8; word++) gear[block * 8 + word] = words.getInt32(word * 4);
  }
  return gear;
}

export const GEAR: Int32Array = makeGear();
