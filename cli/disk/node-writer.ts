import type { FileHandle } from "node:fs/promises";
import type { DiskWriter } from "../../client/sync/ports.ts";
import { onDisk } from "./disk-error.ts";

/** Who may read a file may execute it, when it is executable. */
const withExecute = (mode: number): number => mode | ((mode & 0o444) >> 2);

export class NodeWriter implements DiskWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  #size: number;
  #closed = false;

  constructor(path: string, file: FileHandle, size: number) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): Promise<void> {
    return onDisk(this.#path, "read_only", async () => {
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#size);
        at += bytesWritten;
        this.#size += bytesWritten;
      }
    });
  }

  finish({ modified_ms, executable }: { modified_ms: number | null; executable: boolean }): Promise<void> {
    return onDisk(this.#path, "read_only", async () => {
      const { mode } = await this.#file.stat();
      await this.#file.chmod(executable ? withExecute(mode) : mode & ~0o111);
      if (modified_ms !== null) await this.#file.utimes(new Date(), modified_ms / 1000);
      await this.#file.sync();
      await this.close();
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }
}
