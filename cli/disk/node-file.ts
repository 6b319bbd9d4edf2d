import type { FileHandle } from "node:fs/promises";
import { type DiskFile, DiskError, type Fingerprint } from "../../client/sync/ports.ts";
import { onDisk } from "./disk-error.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Abilities } from "./probe.ts";

/** Room to see that a file ends where it is thought to. */
const PAST_END = 1;

export class NodeFile implements DiskFile {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #abilities: Abilities;
  /** When it was looked at last: reads of small files need no large buffers. */
  #size: number;

  constructor(path: string, file: FileHandle, size: number, abilities: Abilities) {
    this.#size = size;
    this.#path = path;
    this.#file = file;
    this.#abilities = abilities;
  }

  fingerprint(): Promise<Fingerprint> {
    return onDisk(this.#path, "unreadable", async () => {
      const fingerprint = fingerprintOf(await this.#file.stat({ bigint: true }), this.#abilities);
      if (fingerprint === null) throw new DiskError("changed", this.#path);
      this.#size = fingerprint.size;
      return fingerprint;
    });
  }

  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return onDisk(this.#path, "unreadable", async () => {
      const known = Math.max(0, this.#size - offset);
      const bytes = new Uint8Array(Math.min(length, known + PAST_END));
      let at = 0;
      while (at < bytes.length) {
        const { bytesRead } = await this.#file.read(bytes, at, bytes.length - at, offset + at);
        if (bytesRead === 0) return bytes.subarray(0, at);
        at += bytesRead;
      }
      if (bytes.length === length) return bytes;
      // It grew: the rest is read with what its size is now.
      await this.fingerprint();
      const rest = await this.read(offset + at, length - at);
      const all = new Uint8Array(at + rest.length);
      all.set(bytes);
      all.set(rest, at);
      return all;
    });
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
