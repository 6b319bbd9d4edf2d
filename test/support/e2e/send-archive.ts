/**
 * A sender in a process of its own, so that it can be killed: sends what a session still misses, five chunks at a time,
 * in an order of its own.
 *
 *     node send-archive.ts URL TOKEN UPLOAD_ID ENTRY_BYTES SEED
 *
 * Prints a line for each chunk that was received.
 */
import { Archive, sha256 } from "./archive.ts";

const [url, token, upload_id, entry, seed] = process.argv.slice(2) as [string, string, string, string, string];
const archive = new Archive(Number(entry), seed);
const headers = { authorization: `Bearer ${token}` };

const answer = await fetch(`${url}/api/v1/uploads/${upload_id}`, { headers });
const state = (await answer.json()) as { part_size: number; chunks: { index: number }[] };
const have = new Set(state.chunks.map((chunk) => chunk.index));
const count = Math.ceil(archive.size / state.part_size);
// 7 has no divisor in common with any count of chunks used here: every chunk comes once, none in its turn.
const order = Array.from({ length: count }, (_, i) => (i * 7 + 3) % count).filter((index) => !have.has(index));

async function sendNext(): Promise<void> {
  for (let index = order.shift(); index !== undefined; index = order.shift()) {
    const bytes = archive.read(index * state.part_size, state.part_size);
    const query = new URLSearchParams({ upload_id, index: String(index) });
    const address = `${url}/api/v1/chunks/${sha256(bytes)}?${query}`;
    const send = () => fetch(address, { method: "PUT", headers, body: bytes as Uint8Array<ArrayBuffer> });
    // The server ends kept connections after five idle seconds; a sender as busy as this one hears of it too late.
    const sent = await send().catch(send);
    if (!sent.ok) throw new Error(`chunk ${index}: ${sent.status} ${await sent.text()}`);
    await sent.text();
    process.stdout.write(`${index}\n`);
  }
}

await Promise.all(Array.from({ length: 5 }, sendNext));
