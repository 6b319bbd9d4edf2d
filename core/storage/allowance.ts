/** A part of an {@link Allowance}; it comes back by itself when whoever has it is gone. */
export interface Grant {
  release(): void;
}

/** For what is too little to count. */
export const NOTHING: Grant = { release: () => undefined };

/**
 * Bytes that the transfers of one isolate may hold together for the sake of speed: each has a little that is its own,
 * and more only while there is some here. Nobody waits for it: a request that the platform ends runs no `finally`, so
 * what waited for its share could wait for ever.
 */
export class Allowance {
  #left: number;
  readonly #lost = new FinalizationRegistry<number>((bytes) => (this.#left += bytes));

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Null when there is not so much left. */
  take(bytes: number): Grant | null {
    if (bytes > this.#left) return null;
    this.#left -= bytes;
    const grant: Grant = {
      release: () => {
        // The second time there is nothing to give back.
        if (this.#lost.unregister(grant)) this.#left += bytes;
      },
    };
    this.#lost.register(grant, bytes, grant);
    return grant;
  }
}

/** An isolate has 128 MB for everything (Workers). */
export const SPARE = 32 * 1024 * 1024;
