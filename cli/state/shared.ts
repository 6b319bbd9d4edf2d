/** One object for equal ones: a hundred thousand items have a few drives, rights and vectors between them. */
export class Shared {
  readonly #texts = new Map<string, string>();
  readonly #parsed = new Map<string, unknown>();

  text<T extends string | null>(text: T): T {
    if (text === null) return text;
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return (known as T | undefined) ?? text;
  }

  /** Frozen: it is not its user's alone. */
  json<T extends object>(text: string): T {
    const known = this.#parsed.get(text) as T | undefined;
    const parsed = known ?? Object.freeze(JSON.parse(text) as T);
    if (known === undefined) this.#parsed.set(text, parsed);
    return parsed;
  }
}
