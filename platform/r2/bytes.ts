import type { Bytes, Hasher } from "../../core/storage/ports.ts";

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, "0")).join("");

/** SHA-256 by the runtime's native `DigestStream`. */
class NativeHasher implements Hasher {
  readonly #stream = new crypto.DigestStream("SHA-256");
  readonly #writer = this.#stream.getWriter();

  async update(piece: Uint8Array): Promise<void> {
    await this.#writer.write(piece);
  }

  async digest(): Promise<string> {
    await this.#writer.close();
    return hex(await this.#stream.digest);
  }
}

/** One buffer for a whole body: a new one per piece grew five uploads to 1 GB resident. */
async function* pieces(body: ReadableStream<Uint8Array>, size: number): AsyncIterable<Uint8Array> {
  const reader = body.getReader({ mode: "byob" });
  let buffer = new Uint8Array(size);
  try {
    for (;;) {
      const { value, done } = await reader.readAtLeast(size, buffer);
      if (value !== undefined && value.length > 0) yield value;
      if (done || value === undefined) return;
      buffer = new Uint8Array(value.buffer as ArrayBuffer);
    }
  } finally {
    // Tells the sender that the rest is not wanted when the consumer stopped early.
    await reader.cancel().catch(() => undefined);
  }
}

export const workerBytes: Bytes = { hasher: () => new NativeHasher(), pieces };
