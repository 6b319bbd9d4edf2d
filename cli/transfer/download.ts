import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type File, isCode, NetworkError } from "../../client/index.ts";
import type { Drive } from "../drive/drive.ts";
import { CliError, EXIT } from "../exit-codes.ts";

/** Times that a body which breaks off is asked for again, when nothing of it came. */
const FRUITLESS_MAX = 4;

/** What of a version has come lies here until it is whole; it names the version, so another one never goes on with it. */
const partOf = (path: string, { version_id }: File): string =>
  join(dirname(path), `.${basename(path).slice(0, 60)}.${version_id?.slice(-12)}.edgedrive.part`);

/** docs/spec/cli.md, CLI7. Verified by SHA-256 where the server knows it, else by length; then it takes its place. */
export async function download(
  drive: Drive,
  file: File,
  path: string,
  count: (received: number) => void,
): Promise<void> {
  const part = partOf(path, file);
  await mkdir(dirname(path), { recursive: true });
  for (let fruitless = 0; ;) {
    const before = await sizeOf(part);
    try {
      if (before < file.size || file.size === 0) await fetchRest(drive, file, part, before, count);
      break;
    } catch (error) {
      if (!(error instanceof BrokenOff)) throw error;
      fruitless = (await sizeOf(part)) > before ? 0 : fruitless + 1;
      if (fruitless > FRUITLESS_MAX) throw new NetworkError(error);
    }
  }
  await verify(file, part);
  if (file.modified_at !== null) await utimes(part, new Date(), new Date(file.modified_at));
  await rename(part, path);
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => null))?.size ?? 0;

/** The connection ended in the middle of a body. */
class BrokenOff extends Error {}

async function fetchRest(
  { files }: Drive,
  { file_id, version_id }: File,
  part: string,
  from: number,
  count: (received: number) => void,
): Promise<void> {
  if (version_id === null) throw new CliError(EXIT.failed, "This file has no bytes yet.");
  const rest = from > 0 ? { range: `bytes=${from}-`, if_version_id: version_id } : {};
  const answer = await files.download(file_id, { version_id, ...rest }).catch((error: unknown) => {
    // Longer than the version: not what an earlier run of ours left.
    if (isCode(error, "range_not_satisfiable")) return files.download(file_id, { version_id });
    throw error;
  });
  let at = answer.status === 206 ? from : 0;
  const out = await open(part, at > 0 ? "r+" : "w", 0o600);
  try {
    for await (const piece of whole(answer.body!)) {
      await out.write(piece, 0, piece.length, at);
      at += piece.length;
      count(at);
    }
    await out.sync();
  } finally {
    await out.close();
  }
}

/** @throws BrokenOff when it ends before its end */
async function* whole(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await pieces.next().catch((cause: unknown) => {
      throw new BrokenOff("", { cause });
    });
    if (done) return;
    yield value as Uint8Array;
  }
}

async function verify({ content_hash, size }: File, part: string): Promise<void> {
  const length = await sizeOf(part);
  if (length === size && (content_hash === null || (await hashOf(part)) === content_hash)) return;
  await rm(part, { force: true });
  throw new CliError(EXIT.failed, "What came is not what was stored. Try again.");
}

async function hashOf(path: string): Promise<string> {
  const hash: Hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(piece as Buffer);
  return hash.digest("hex");
}
