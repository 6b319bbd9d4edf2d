/** Indexed windows over a base of any size: the memory of an encoder. */
import { indexBase, type BaseIndex } from "./match.ts";
import type { ByteSource } from "./ports.ts";

const MIB = 1024 * 1024;
/** What is read around a hint: edits mostly stay where they were. */
const NEAR = 4 * MIB;
/** What is searched when nearby bytes do not explain a block. 64 MiB of bytes and 16 MiB of index. */
const WIDE = 64 * MIB;
const WIDE_MARGIN = 4 * MIB;

export interface BaseWindow {
  /** Position of the window's first byte in the base. */
  offset: number;
  index: BaseIndex;
  /** Nothing more can be found by a wider one. */
  wide: boolean;
}

export class BaseWindows {
  readonly #base: ByteSource;
  #near: BaseWindow | undefined;
  #wide: BaseWindow | undefined;

  constructor(base: ByteSource) {
    this.#base = base;
  }

  /** A window around `hint` with at least the length of the block on both sides, as far as there is a base. */
  async near(hint: number, length: number): Promise<BaseWindow> {
    if (this.#wide !== undefined && this.#holds(this.#wide, hint, WIDE_MARGIN)) return this.#wide;
    if (this.#near === undefined || !this.#holds(this.#near, hint, length)) {
      const before = Math.max(NEAR / 8, length);
      this.#near = await this.#load(hint - before, Math.max(NEAR, before + 3 * length));
    }
    return this.#near;
  }

  async wide(hint: number): Promise<BaseWindow> {
    if (this.#wide === undefined || !this.#holds(this.#wide, hint, WIDE_MARGIN))
      this.#wide = await this.#load(hint - WIDE / 2, WIDE);
    return this.#wide;
  }

  #holds(window: BaseWindow, hint: number, margin: number): boolean {
    const end = window.offset + window.index.bytes.length;
    return (
      (window.offset === 0 || hint - margin >= window.offset) && (end === this.#base.size || hint + 2 * margin <= end)
    );
  }

  async #load(from: number, length: number): Promise<BaseWindow> {
    const offset = Math.max(0, Math.min(from, this.#base.size - length));
    const bytes = await this.#base.read(offset, Math.min(length, this.#base.size - offset));
    return { offset, index: indexBase(bytes), wide: length >= Math.min(WIDE, this.#base.size) };
  }
}
