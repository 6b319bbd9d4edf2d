/** What gives the next round a reason: a disk that changed, a server that moved, a wish, or time. */
export class Wakes {
  /** Null: anything may have changed. */
  #paths: Set<string> | null = null;
  #isDue = true;
  #wake: (() => void) | undefined;

  /** @param paths relative to the folder; null: anywhere */
  disk(paths: readonly string[] | null): void {
    if (paths === null) this.#paths = null;
    else for (const path of paths) this.#paths?.add(path);
    this.now();
  }

  now(): void {
    this.#isDue = true;
    this.#wake?.();
  }

  /** Where the disk changed since this was asked last; null for anywhere, as at the first time. */
  take(): readonly string[] | null {
    const paths = this.#paths;
    this.#paths = new Set();
    return paths && [...paths];
  }

  /** At once when there was a wake since the last wait was over. @param ms at most so long */
  async wait(ms: number): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    this.#isDue = false;
  }
}
