/** Single blocks that stand for a content when another one is looked for like it. docs/spec/storage.md, M10. */
import { bytesToHex } from "@noble/hashes/utils.js";
import type { BlockBits } from "../blocks/classes.ts";

/**
 * The first 8 bytes of hashes, hex: of the first block, then of the blocks that the rule picks, each once. Empty without
 * any block.
 */
export type Hooks = readonly string[];

/** Smaller contents cost less to send than their rows to keep. */
export const HOOKED_MIN = 1024 * 1024;

const HOOKS_MAX = 64;
const HOOK_BYTES = 8;

/** Zero bits at the end of a hash, by class: about one block in 4 MiB. */
const ZERO_BITS: Record<BlockBits, number> = { 14: 8, 16: 6, 18: 4, 20: 2 };

export const hookOf = (hash: Uint8Array): string => bytesToHex(hash.subarray(0, HOOK_BYTES));

/** Whether the rule picks a block of this hash. */
export const isPicked = (bits: BlockBits, hash: Uint8Array): boolean =>
  ((hash.at(-1) as number) & ((1 << ZERO_BITS[bits]) - 1)) === 0;

/** The smallest ones: two contents that have most blocks in common keep mostly the same. */
const bounded = (first: string, picked: Iterable<string>): Hooks => [
  first,
  ...[...new Set(picked)].toSorted().slice(0, HOOKS_MAX - 1),
];

/** Is told the blocks of a content, or of a part of it, in their order. */
export class HookSampler {
  readonly #bits: BlockBits;
  #first: string | undefined;
  readonly #picked = new Set<string>();

  constructor(bits: BlockBits) {
    this.#bits = bits;
  }

  add(hash: Uint8Array): void {
    this.#first ??= hookOf(hash);
    if (isPicked(this.#bits, hash)) this.#picked.add(hookOf(hash));
  }

  get hooks(): Hooks {
    return this.#first === undefined ? [] : bounded(this.#first, this.#picked);
  }
}

/** Of a content whose parts were looked at apart: each hook once. */
export function joinHooks(first: string | undefined, picked: Iterable<string>): string[] {
  const all = bounded(first ?? "", picked);
  return [...new Set(first === undefined ? all.slice(1) : all)];
}
