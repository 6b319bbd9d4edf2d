/** Finds bytes of a base in a block: docs/spec/delta.md, D8. */
import { fineMatches } from "./fine-match.ts";
import { hashOf, MULTIPLIER, slotOf, SPREAD, weight } from "./rolling.ts";
import { commonRun, type Matches } from "./runs.ts";

/** Length of an indexed piece, and the distance between pieces. */
const PIECE = 32;
const LEAVING = weight(PIECE);

/** Equal pieces that are looked at, and the length of a match that is good enough. */
const CHAIN = 16;
const LONG = 4096;

/** A copy from elsewhere costs more than literals that pack well, unless it is this long. */
const FAR_RUN = 64;
const FAR = 64 * 1024;

/** An edit in a field moves what follows by this much at most, mostly. */
const DRIFT = 64;

/** After a match, equal bytes on the same diagonal are looked for this far... */
const DIAGONAL_REACH = 32;
/** ...and a run of them counts from this length: a step costs two to three bytes. */
const DIAGONAL_RUN = 8;

/** A leap of half the look-back or more makes much of the base unreachable: only for a long match. */
const LEAP_RUN = 16 * 1024;

/** One 32-byte piece in 32 of `bytes`, by hash. */
export interface BaseIndex {
  bytes: Uint8Array;
  /** First piece of each slot, plus one. */
  heads: Int32Array;
  /** The next piece in the same slot, plus one. */
  next: Int32Array;
  shift: number;
}

export function indexBase(bytes: Uint8Array): BaseIndex {
  const pieces = Math.floor(bytes.length / PIECE);
  const shift = 32 - Math.max(8, Math.ceil(Math.log2(pieces + 1)) + 1);
  const heads = new Int32Array(2 ** (32 - shift));
  const next = new Int32Array(pieces);
  // From the end, so that chains go forwards and runs are matched from their beginning.
  for (let piece = pieces - 1; piece >= 0; piece--) {
    const slot = slotOf(hashOf(bytes, piece * PIECE, PIECE), shift);
    next[piece] = heads[slot]!;
    heads[slot] = piece + 1;
  }
  return { bytes, heads, next, shift };
}

/**
 * Copies of base bytes that make up `target`, not overlapping, in order; what lies between them is new. `start` is where the
 * target's first byte is expected in the base. A copy begins at most `look_back` bytes before the furthest byte of the base
 * that a copy before it ended at (D15).
 */
export function findMatches(target: Uint8Array, index: BaseIndex, start: number, look_back = Infinity): Matches {
  const coarse = new CoarseSearch(target, index, start, look_back).run();
  return fineMatches(target, index.bytes, coarse, look_back);
}

/** The hash of the piece at `at + 1`, from that of the piece at `at`. */
const rolled = (hash: number, target: Uint8Array, at: number): number =>
  (Math.imul(hash, MULTIPLIER) + SPREAD[target[at + PIECE]!]! - Math.imul(LEAVING, SPREAD[target[at]!]!)) | 0;

/** One pass over a target by 32-byte pieces. */
class CoarseSearch {
  readonly #target: Uint8Array;
  readonly #index: BaseIndex;
  readonly #look_back: number;
  readonly #matches: Matches = [];
  /** Base position minus target position of the last match. */
  #diagonal: number;
  #furthest = 0;
  /** The diagonal of the last leap that was not taken, so that its run is not measured at each of its bytes. */
  #leap: number | undefined;
  /** Everything before this position of the target is matched or passed. */
  #taken = 0;

  constructor(target: Uint8Array, index: BaseIndex, start: number, look_back: number) {
    this.#target = target;
    this.#index = index;
    this.#diagonal = start;
    this.#look_back = look_back;
  }

  run(): Matches {
    const target = this.#target;
    const { heads, shift } = this.#index;
    const last = target.length - PIECE;
    let hash = last < 0 ? 0 : hashOf(target, 0, PIECE);
    let at = 0;
    while (at <= last) {
      const slot = slotOf(hash, shift);
      if (heads[slot] !== 0 && this.#take(at, slot)) {
        at = this.#taken;
        if (at <= last) hash = hashOf(target, at, PIECE);
      } else {
        if (at < last) hash = rolled(hash, target, at);
        at++;
      }
    }
    return this.#matches;
  }

  /** Takes the best match at `at`, grown to both sides, when there is one that pays. */
  #take(at: number, slot: number): boolean {
    const found = this.#longest(at, slot);
    if (found < 0) return false;
    const base = this.#index.bytes;
    const target = this.#target;
    const end = at + commonRun(target, at, base, found);
    const lowest = Math.max(0, this.#furthest - this.#look_back);
    let start = at;
    let offset = found;
    while (start > this.#taken && offset > lowest && target[start - 1] === base[offset - 1]) {
      start--;
      offset--;
    }
    if (end - start < FAR_RUN && Math.abs(offset - start - this.#diagonal) > FAR) return false;
    this.#diagonal = offset - start;
    this.#matches.push(start, offset, end - start);
    this.#taken = this.#followDiagonal(end);
    this.#furthest = Math.max(this.#furthest, this.#taken + this.#diagonal);
    return true;
  }

  /** Where the longest run begins in the base, among the pieces of `slot` and the last diagonal; -1 for none. */
  #longest(at: number, slot: number): number {
    const { bytes: base, heads, next } = this.#index;
    const best = { offset: -1, length: PIECE - 1 };
    const consider = (offset: number): void => {
      if (offset < this.#furthest - this.#look_back || offset - at === this.#leap) return;
      const length = commonRun(this.#target, at, base, offset);
      if (length <= best.length || this.#leaps(at, offset, length)) return;
      best.offset = offset;
      best.length = length;
    };
    const expected = at + this.#diagonal;
    if (expected >= 0 && expected < base.length) consider(expected);
    let piece = heads[slot]!;
    for (let looked = 0; piece !== 0 && looked < CHAIN; looked++) {
      if (best.length >= LONG) break;
      consider((piece - 1) * PIECE);
      piece = next[piece - 1]!;
    }
    // The place after an edit is no piece's beginning, mostly; a piece elsewhere that looks alike is not the better find.
    if (best.offset >= 0 && Math.abs(best.offset - expected) > DRIFT)
      for (let offset = Math.max(0, expected - DRIFT); offset <= Math.min(base.length - 1, expected + DRIFT); offset++)
        consider(offset);
    return best.offset;
  }

  #leaps(at: number, offset: number, length: number): boolean {
    if (length >= LEAP_RUN || offset - this.#furthest < this.#look_back / 2) return false;
    this.#leap = offset - at;
    return true;
  }

  /** Runs further along the diagonal: short differences in place (counters, pointers, dates). Returns where the last ends. */
  #followDiagonal(end: number): number {
    const base = this.#index.bytes;
    const target = this.#target;
    const shift = this.#diagonal;
    const limit = Math.min(target.length, base.length - shift);
    let at = end;
    for (;;) {
      let start = at;
      let run = 0;
      for (let i = at; run < DIAGONAL_RUN && i < limit && (run > 0 || i < at + DIAGONAL_REACH); i++) {
        if (target[i] !== base[i + shift]) run = 0;
        else if (++run === 1) start = i;
      }
      if (run < DIAGONAL_RUN) return at;
      const length = commonRun(target, start, base, start + shift);
      this.#matches.push(start, start + shift, length);
      at = start + length;
    }
  }
}
