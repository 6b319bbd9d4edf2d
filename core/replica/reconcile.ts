/** Compares the two stores, object by object: finds what no message told of. docs/spec/replica.md, RP12. */
import type { ObjectFacts } from "../storage/ports.ts";
import { isCopyOf } from "./copy.ts";
import { isKeptOnce, UNHEALED } from "./keys.ts";
import type { Side, Sides } from "./ports.ts";

export interface Compared {
  /** Keys of which the replica has no copy. */
  missing: string[];
  /** Objects that only the replica has, those that wait to be healed among them. */
  only_in_replica: number;
  /** The last key that was looked at; null at the end. */
  after: string | null;
}

/** Objects of one store in order, page by page. */
class Walk {
  readonly #side: Side;
  readonly #prefix: string;
  #page: ObjectFacts[] = [];
  #at = 0;
  #after: string;
  /** Calls that were made. */
  pages = 0;

  constructor(side: Side, prefix: string, after: string) {
    this.#side = side;
    this.#prefix = prefix;
    this.#after = after;
  }

  /** The next one, which stays the next one until it is taken; null at the end. */
  async peek(): Promise<ObjectFacts | null> {
    if (this.#at === this.#page.length) {
      this.#page = await this.#side.page(this.#prefix, this.#after);
      this.#at = 0;
      this.pages += 1;
    }
    return this.#page[this.#at] ?? null;
  }

  take(): void {
    this.#after = this.#page[this.#at]!.key;
    this.#at += 1;
  }
}

/** @param pages calls of each store, about */
export async function compare(
  { primary, replica }: Sides,
  prefix: string,
  after: string,
  pages: number,
): Promise<Compared> {
  const result: Compared = { missing: [], only_in_replica: 0, after };
  const walks = { primary: new Walk(primary, prefix, after), replica: new Walk(replica, prefix, after) };
  while (walks.primary.pages <= pages && walks.replica.pages <= pages) {
    const [original, copy] = [await walks.primary.peek(), await walks.replica.peek()];
    if (original === null && copy === null) return { ...result, after: null };
    const isFirst = copy === null || (original !== null && original.key <= copy.key);
    const isSecond = original === null || (copy !== null && copy.key <= original.key);
    if (isFirst && original !== null) {
      if (!isKeptOnce(original.key) && !isCopyOf(isSecond ? copy : null, original)) result.missing.push(original.key);
      result.after = original.key;
      walks.primary.take();
    }
    if (isSecond && copy !== null) {
      if (!isFirst && !copy.key.startsWith(UNHEALED)) result.only_in_replica += 1;
      result.after = copy.key;
      walks.replica.take();
    }
  }
  return result;
}
