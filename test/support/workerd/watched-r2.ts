/** A bucket that counts what it is asked, in the classes that R2 charges by. Deletes are free. */
const CLASS_A = new Set(["put", "createMultipartUpload", "list", "uploadPart", "complete"]);
const CLASS_B = new Set(["get", "head"]);

export interface Calls {
  class_a: number;
  class_b: number;
}

export class WatchedR2 {
  calls: Calls = { class_a: 0, class_b: 0 };
  readonly bucket: R2Bucket;

  constructor(real: R2Bucket) {
    this.bucket = this.#watch(real);
  }

  async count(work: () => Promise<unknown>): Promise<Calls> {
    this.calls = { class_a: 0, class_b: 0 };
    await work();
    return { ...this.calls };
  }

  #watch<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (real, name) => {
        const value: unknown = Reflect.get(real, name, real);
        if (typeof value !== "function") return value;
        return async (...args: unknown[]) => {
          if (CLASS_A.has(String(name))) this.calls.class_a += 1;
          if (CLASS_B.has(String(name))) this.calls.class_b += 1;
          const answer: unknown = await value.apply(real, args);
          // Parts are sent through what this gives.
          return name === "createMultipartUpload" ? this.#watch(answer as object) : answer;
        };
      },
    });
  }
}
