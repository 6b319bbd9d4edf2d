import { waitUntil } from "cloudflare:workers";

/**
 * One read for all who ask while it runs. What a request has begun may be cancelled with it, and then never ends: so the
 * read is kept alive past its request, and nobody waits longer than `patience` milliseconds for somebody else's.
 */
export class SharedRead<T> {
  readonly #read: () => Promise<T>;
  readonly #patience: number;
  #reading: Promise<T> | null = null;

  constructor(read: () => Promise<T>, patience: number) {
    this.#read = read;
    this.#patience = patience;
  }

  /** Rejects with what the read threw, or when it takes too long; the next one to ask then begins anew. */
  async get(): Promise<T> {
    const reading = (this.#reading ??= this.#begin());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer in time")), this.#patience);
    });
    try {
      return await Promise.race([reading, late]);
    } finally {
      clearTimeout(timer);
      this.#end(reading);
    }
  }

  #begin(): Promise<T> {
    const reading = this.#read();
    const end = (): void => this.#end(reading);
    waitUntil(reading.then(end, end));
    return reading;
  }

  #end(reading: Promise<T>): void {
    if (this.#reading === reading) this.#reading = null;
  }
}
