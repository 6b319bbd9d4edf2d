import type { Run } from "../lib/layout.ts";

/**
 * The least that a drive with encrypted, verified blocks must do to read: ranged reads, five ahead, AES-GCM and SHA-256
 * of every block. No manifest, no keys of tenants, no rights.
 */

const AHEAD = 5;
const TAG_BYTES = 16;
let pending: Promise<CryptoKey> | undefined;

const theKey = (): Promise<CryptoKey> =>
  (pending ??= crypto.subtle.importKey("raw", new Uint8Array(32), "AES-GCM", false, ["encrypt", "decrypt"]));

function params(index: number) {
  const iv = new Uint8Array(12);
  new DataView(iv.buffer).setUint32(8, index);
  return { name: "AES-GCM", iv };
}

/** An object of sealed blocks of those stored lengths. */
export async function seal(bucket: R2Bucket, key: string, blocks: number[]): Promise<void> {
  const object = new Uint8Array(blocks.reduce((sum, stored) => sum + stored, 0));
  let at = 0;
  for (const [index, stored] of blocks.entries()) {
    const raw = new Uint8Array(stored - TAG_BYTES);
    object.set(new Uint8Array(await crypto.subtle.encrypt(params(index), await theKey(), raw)), at);
    at += stored;
  }
  await bucket.put(key, object);
}

async function read(bucket: R2Bucket, { key, offset, blocks }: Run): Promise<ArrayBuffer> {
  const length = blocks.reduce((sum, stored) => sum + stored, 0);
  const object = await bucket.get(key, { range: { offset, length } });
  if (object === null) throw new Error("no such object");
  return object.arrayBuffer();
}

async function* opened(bucket: R2Bucket, runs: Run[]): AsyncGenerator<Uint8Array> {
  const reads: Promise<ArrayBuffer>[] = [];
  for (const [i, run] of runs.entries()) {
    while (reads.length < Math.min(AHEAD, runs.length - i)) reads.push(read(bucket, runs[i + reads.length]!));
    const bytes = await reads.shift()!;
    let at = 0;
    for (const [block, stored] of run.blocks.entries()) {
      const sealed = bytes.slice(at, (at += stored));
      const raw = await crypto.subtle.decrypt(params(run.first + block), await theKey(), sealed);
      await crypto.subtle.digest("SHA-256", raw);
      yield new Uint8Array(raw);
    }
  }
}

/** The raw bytes of the runs, one after the other. */
export function open(bucket: R2Bucket, runs: Run[]): Response {
  const size = runs.flatMap((run) => run.blocks).reduce((sum, stored) => sum + stored - TAG_BYTES, 0);
  const headers = { "content-encoding": "identity", "content-length": String(size) };
  const pieces = opened(bucket, runs);
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body.pipeThrough(new FixedLengthStream(size)), { headers, encodeBody: "manual" });
}
