import { bytesToHex } from "@noble/hashes/utils.js";
import type { BlockBits } from "../core/blocks/classes.ts";
import { Cutter } from "../core/blocks/cutter.ts";
import { emptySignature, signPieces } from "../core/delta/signature.ts";
import type { BlockRef } from "../core/frames/index.ts";
import { type ContentState, type ContentStates, serialiseState } from "./content-state.ts";
import type { Runtime } from "./runtime.ts";

/** Makes the state of a version from its bytes, in order, while they go up or come down. Memory: one block. */
export class StateMaker {
  readonly #digest: Runtime["digest"];
  readonly #block_bits: BlockBits;
  readonly #blocks: BlockRef[] = [];
  readonly #signature;
  #cutter: Cutter;
  #block: Uint8Array[] = [];
  #block_length = 0;
  /** Bytes so far. */
  #size = 0;
  /** The beginning of a piece of the signature. */
  #rest = new Uint8Array();

  /** @param size of the version, bytes */
  constructor(size: number, block_bits: BlockBits, digest: Runtime["digest"]) {
    this.#digest = digest;
    this.#block_bits = block_bits;
    this.#cutter = new Cutter(block_bits);
    this.#signature = emptySignature(size);
  }

  /** `bytes` must stay as they are until it resolves. */
  async add(bytes: Uint8Array): Promise<void> {
    this.#sign(bytes);
    let from = 0;
    for (let to = this.#cutter.next(bytes, from); to >= 0; to = this.#cutter.next(bytes, from)) {
      await this.#end(bytes.subarray(from, to));
      from = to;
    }
    // A copy: the caller's buffer is his again.
    const rest = bytes.slice(from);
    this.#block.push(rest);
    this.#block_length += rest.length;
  }

  /** A chunk ends here: the server cuts each on its own. */
  async endChunk(): Promise<void> {
    await this.#end(new Uint8Array());
    this.#cutter = new Cutter(this.#block_bits);
  }

  /** Null when the bytes were not as many as was said. */
  async finish(file_id: string, version_id: string): Promise<ContentState | null> {
    await this.endChunk();
    if (this.#size !== this.#signature.size) return null;
    const signature = this.#signature;
    const { size } = signature;
    return { file_id, version_id, size, block_bits: this.#block_bits, blocks: this.#blocks, signature };
  }

  async #end(last: Uint8Array): Promise<void> {
    const length = this.#block_length + last.length;
    if (length === 0) return;
    const block = this.#block_length === 0 ? last : join([...this.#block, last], length);
    const hash = bytesToHex(await this.#digest(block));
    const offset = (this.#blocks.at(-1)?.offset ?? 0) + (this.#blocks.at(-1)?.length ?? 0);
    this.#blocks.push({ offset, length, hash });
    this.#block = [];
    this.#block_length = 0;
  }

  #sign(bytes: Uint8Array): void {
    const { piece_size } = this.#signature;
    const first = (this.#size - this.#rest.length) / piece_size;
    this.#size += bytes.length;
    const head = this.#rest.length === 0 ? 0 : Math.min(bytes.length, piece_size - this.#rest.length);
    const begun = head === 0 ? this.#rest : join([this.#rest, bytes.subarray(0, head)], this.#rest.length + head);
    if (begun.length > 0 && begun.length < piece_size) {
      this.#rest = begun;
      return;
    }
    signPieces(this.#signature, first, begun);
    const whole = bytes.subarray(head);
    signPieces(this.#signature, first + (begun.length > 0 ? 1 : 0), whole);
    this.#rest = whole.slice(whole.length - (whole.length % piece_size));
  }
}

function join(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** A state that cannot be kept is no failure of what made it. */
export async function keepState(states: ContentStates | undefined, state: ContentState | null): Promise<void> {
  if (states === undefined || state === null || state.size === 0) return;
  await states.set(state.file_id, await serialiseState(state)).catch(() => undefined);
}
