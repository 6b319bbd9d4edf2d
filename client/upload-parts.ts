import { readExactly } from "./byte-source.ts";
import { sha256 } from "./hash.ts";
import type { StateMaker } from "./state-maker.ts";
import { counter, type OnBytes, type UploadTools } from "./upload-request.ts";
import { inParallel, type OpenSession, type Outgoing, type SendAll } from "./upload-session.ts";

/**
 * Parts of `part_size` as they are, several at a time, each named by its SHA-256.
 * @param newState makes what is kept of the version, in passing
 */
export const sendParts =
  (tools: UploadTools, outgoing: Outgoing, newState?: (opened: OpenSession) => StateMaker | undefined) =>
  (report: OnBytes): SendAll =>
  async (opened) => {
    const { source, signal } = outgoing;
    const { part_size, max_parallel } = opened.session;
    const count = Math.ceil(source.size / part_size);
    const ids: string[] = Array.from({ length: count });
    const maker = newState?.(opened);
    let noted = Promise.resolve();
    let next = 0;
    await inParallel(Math.min(max_parallel, count), signal, async (signal) => {
      if (next === count) return false;
      const index = next++;
      // Parts are read by several at once, but noted in the order of the file.
      const before = noted;
      let end!: () => void;
      noted = new Promise((resolve) => (end = resolve));
      try {
        await tools.gate.run(async () => {
          signal.throwIfAborted();
          const offset = index * part_size;
          const body = await readExactly(source, offset, Math.min(part_size, source.size - offset));
          const note = async (): Promise<void> => {
            await before;
            await maker?.add(body);
            await maker?.endChunk();
            end();
          };
          const sent = sendPart(tools, opened, { body: body as Uint8Array<ArrayBuffer>, index, signal }, report);
          [ids[index]] = await Promise.all([sent, note()]);
        });
      } finally {
        end();
      }
      return true;
    });
    return { chunks: ids };
  };

async function sendPart(
  { http }: UploadTools,
  { session, arrived }: OpenSession,
  { body, index, signal }: { body: Uint8Array<ArrayBuffer>; index: number; signal: AbortSignal },
  report: OnBytes,
): Promise<string> {
  const id = await sha256(body);
  // Hashed even when it has arrived: the file may have changed without its time having moved.
  if (arrived.get(index) === id) {
    report({ network: 0, found: body.length });
    return id;
  }
  const query = { upload_id: session.upload_id, index };
  const headers = { "content-type": "application/octet-stream" };
  const onSent = counter(body.length, report);
  await http.done({ method: "PUT", path: `/chunks/${id}`, query, body, headers, signal, onSent });
  onSent(body.length);
  arrived.set(index, id);
  return id;
}
