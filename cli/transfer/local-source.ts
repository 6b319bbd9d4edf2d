import { openAsBlob } from "node:fs";
import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import type { ByteSource, UploadSource } from "../../client/index.ts";

/** As the client takes files; reading throws once the file is not what it was when this was made. */
export async function localSource(path: string): Promise<UploadSource> {
  const [blob, { mtimeMs }] = await Promise.all([openAsBlob(path), stat(path)]);
  return Object.assign(blob, { name: basename(path).normalize("NFC"), lastModified: Math.floor(mtimeMs) });
}

/** Reads of a large file, straight into the buffers they are for. Whoever opens it closes it. */
export async function openBytes(path: string, size: number): Promise<ByteSource & { close(): Promise<void> }> {
  const file = await open(path);
  return {
    size,
    async read(offset, length, into = new Uint8Array(length)) {
      let at = 0;
      while (at < length) {
        const { bytesRead } = await file.read(into, at, length - at, offset + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return into.subarray(0, at);
    },
    close: () => file.close(),
  };
}
