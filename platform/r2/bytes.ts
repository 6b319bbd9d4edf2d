import { DriveError } from "../../core/protocol/errors.ts";
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

/** What is read of a body that nobody wants, bytes: a little more than the platform lets through (100 MB). */
const DRAIN_MAX = 128 * 1024 * 1024;

/**
 * Reads on to the end: a client that is still sending would see a broken connection instead of the answer. Longer
 * bodies are cut off.
 */
async function drain(reader: ReadableStreamBYOBReader, used: Uint8Array<ArrayBuffer>): Promise<void> {
  let buffer = used;
  for (let seen = 0; seen < DRAIN_MAX;) {
    const { value, done } = await reader.readAtLeast(buffer.length, buffer);
    if (done || value === undefined) return;
    seen += value.length;
    buffer = new Uint8Array(value.buffer as ArrayBuffer);
  }
  await reader.cancel();
}

/** Reads a body away, so that its sender sees the answer. Never throws: the answer is decided already. */
export async function discard(body: ReadableStream<Uint8Array>): Promise<void> {
  try {
    await drain(body.getReader({ mode: "byob" }), new Uint8Array(64 * 1024));
  } catch {
    // The sender has gone.
  }
}

/** The sender is gone, or broke off: nobody's fault here, and nothing to be logged. */
const brokenOff = (): DriveError =>
  new DriveError("invalid_request", "The body broke off before its end.", { reason: "body_broken_off" });

/** One buffer for a whole body: a new one per piece grew five uploads to 1 GB resident. */
async function* pieces(body: ReadableStream<Uint8Array>, size: number): AsyncIterable<Uint8Array> {
  const reader = body.getReader({ mode: "byob" });
  let buffer = new Uint8Array(size);
  let ended = false;
  try {
    for (;;) {
      const { value, done } = await reader.readAtLeast(size, buffer).catch(() => {
        ended = true;
        throw brokenOff();
      });
      ended = done || value === undefined;
      if (value !== undefined && value.length > 0) {
        buffer = new Uint8Array(value.buffer as ArrayBuffer);
        yield value;
      }
      if (ended) return;
    }
  } finally {
    // The consumer stopped early: what failed there is what the sender is to hear.
    if (!ended) await drain(reader, buffer).catch(() => undefined);
  }
}

export const workerBytes: Bytes = { hasher: () => new NativeHasher(), pieces, discard };
