import { hash, randomFillSync } from "node:crypto";
import { openAsBlob, rmSync } from "node:fs";
import { type FileHandle, mkdtemp, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryContentStates, upload, type UploadRequest } from "../../client/index.ts";
import type { SignedIn } from "../../core/protocol/auth.ts";
import type { File } from "../../core/protocol/files.ts";
import type { Case } from "../lib/case.ts";
import { handleSource, nodeTools, type Traffic } from "../lib/node-client.ts";
import { BASE } from "../lib/product.ts";
import { waitForHash } from "../lib/wait-until.ts";

const MIB = 1024 * 1024;
const CHANGE = 4096;

async function fill(handle: FileHandle, size: number): Promise<void> {
  const piece = new Uint8Array(MIB);
  for (let at = 0; at < size; at += MIB) await handle.write(randomFillSync(piece), 0, MIB, at);
}

/** CPU seconds of this process, and what it sent, while `work` ran: all of the client, its requests and its next state. */
async function measured(traffic: Traffic, work: () => Promise<unknown>): Promise<string[]> {
  traffic.bytes = traffic.requests = 0;
  const begun = process.cpuUsage();
  const at = performance.now();
  await work();
  const { user, system } = process.cpuUsage(begun);
  const seconds = (ms: number): string => (ms / 1000).toFixed(2);
  return [
    String(traffic.bytes),
    String(traffic.requests),
    seconds((user + system) / 1000),
    seconds(performance.now() - at),
  ];
}

/** An edit of a large file, by the client as it is: the new bytes are on disk, the state of the old version is kept. */
export const edits: Case = {
  name: "edits",
  async run({ product, sizes: { edited } }) {
    const folder = await mkdtemp(join(tmpdir(), "edgedrive-edits-"));
    const handles: FileHandle[] = [];
    try {
      const json = { email: "edits@example.com", password: "correct horse battery", name: "edits" };
      const { origin } = product.http;
      const signedIn = await product.http.json<SignedIn>("POST", `${BASE}/auth/register`, { json });
      const traffic: Traffic = { bytes: 0, requests: 0 };
      const tools = nodeTools(origin, signedIn, new MemoryContentStates(), traffic);
      const [old, now] = [await open(join(folder, "old"), "w+"), await open(join(folder, "now"), "w+")];
      handles.push(old, now);
      await fill(old, edited);
      await copy(old, now, edited);
      const send = async (handle: FileHandle, more: Partial<UploadRequest>) => {
        const blob = await openAsBlob(join(folder, handle === old ? "old" : "now"));
        const source = Object.assign(blob, { name: "edited.bin", lastModified: Date.now() });
        return upload(tools, { source, bytes: await handleSource(handle), parent_id: "root", ...more });
      };
      const { file_id } = await send(old, {});
      const verified = () => waitForHash(() => tools.http.json<File>({ path: `/files/${file_id}` }));
      await verified();
      const change = (at: number) => now.write(randomFillSync(new Uint8Array(CHANGE)), 0, CHANGE, at);
      const rows: string[][] = [];
      await change(Math.floor(edited / 3));
      const bytes = await handleSource(old);
      rows.push(["old bytes at hand", ...(await measured(traffic, () => send(now, { file_id, old: bytes })))]);
      await verified();
      await change(Math.floor(edited / 2));
      rows.push(["signatures only", ...(await measured(traffic, () => send(now, { file_id })))]);
      rows.push(["floor: the new bytes read and hashed", ...(await measured(traffic, () => hashed(now, edited)))]);
      return [
        {
          title: `${CHANGE / 1024} KiB changed in ${edited / MIB} MiB, with cached state`,
          header: ["measure", "bytes sent", "requests", "client CPU, s", "wall, s"],
          rows,
        },
      ];
    } finally {
      for (const handle of handles) await handle.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function copy(from: FileHandle, to: FileHandle, size: number): Promise<void> {
  const piece = new Uint8Array(MIB);
  for (let at = 0; at < size; at += MIB) {
    await from.read(piece, 0, MIB, at);
    await to.write(piece, 0, MIB, at);
  }
}

/** By pieces as long as blocks are. */
async function hashed(handle: FileHandle, size: number): Promise<void> {
  const piece = new Uint8Array(8 * MIB);
  for (let at = 0; at < size; at += piece.length) {
    const { bytesRead } = await handle.read(piece, 0, piece.length, at);
    for (let i = 0; i < bytesRead; i += MIB / 4) hash("sha256", piece.subarray(i, i + MIB / 4), "buffer");
  }
}
