interface Kept<T> {
  value: T;
  until: number;
}

/** Values in memory, the least recently used one dropped first, none older than `ttl` milliseconds. */
export class BoundedCache<T> {
  readonly #max: number;
  readonly #ttl: number;
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept<T>>();

  constructor(max: number, ttl = Infinity, now = () => 0) {
    this.#max = max;
    this.#ttl = ttl;
    this.#now = now;
  }

  get(name: string): T | undefined {
    const kept = this.#kept.get(name);
    if (kept === undefined) return undefined;
    this.#kept.delete(name);
    if (kept.until <= this.#now()) return undefined;
    // Insertion order is the order of use.
    this.#kept.set(name, kept);
    return kept.value;
  }

  set(name: string, value: T): void {
    this.#kept.delete(name);
    this.#kept.set(name, { value, until: this.#now() + this.#ttl });
    if (this.#kept.size > this.#max) this.#kept.delete(this.#kept.keys().next().value as string);
  }
}
