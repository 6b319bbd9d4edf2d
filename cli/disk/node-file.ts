import type { FileHandle } from "node:fs/promises";
import { type DiskFile, DiskError, type Fingerprint } from "../../client/sync/ports.ts";
import { onDisk } from "./disk-error.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Abilities } from "./probe.ts";

export class NodeFile implements DiskFile {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #abilities: Abilities;

  constructor(path: string, file: FileHandle, abilities: Abilities) {
    this.#path = path;
    this.#file = file;
    this.#abilities = abilities;
  }

  fingerprint(): Promise<Fingerprint> {
    return onDisk(this.#path, "unreadable", async () => {
      const fingerprint = fingerprintOf(await this.#file.stat({ bigint: true }), this.#abilities);
      if (fingerprint === null) throw new DiskError("changed", this.#path);
      return fingerprint;
    });
  }

  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return onDisk(this.#path, "unreadable", async () => {
      const bytes = new Uint8Array(length);
      let at = 0;
      while (at < length) {
        const { bytesRead } = await this.#file.read(bytes, at, length - at, offset + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    });
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
