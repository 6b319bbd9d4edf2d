/** Someone who does not give up: every request is sent again, under its own key, until it is answered. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { File } from "../../../core/protocol/files.ts";
import type { UploadSession } from "../../../core/protocol/uploads.ts";
import { sha256 } from "./archive.ts";
import type { Device } from "./device.ts";

const PAUSE = 50;
const PATIENCE = 90_000;

type Init = { json?: unknown; body?: Uint8Array };

/** The answer of a request that may have to be sent many times. @throws when it is refused for good */
async function insist<T>(device: Device, method: string, path: string, init: Init = {}): Promise<T> {
  const headers = { "idempotency-key": randomBytes(12).toString("hex") };
  for (const deadline = Date.now() + PATIENCE; ;) {
    const { status, text } = await asked(device, method, path, { ...init, headers });
    if (status >= 200 && status < 300) return (text === "" ? {} : JSON.parse(text)) as T;
    const mayComeRight = status === 0 || status >= 500 || status === 429;
    if (!mayComeRight || Date.now() > deadline) throw new Error(`${method} ${path}: ${status} ${text}`);
    await sleep(PAUSE);
  }
}

/** Status 0: no answer, or not all of it. */
async function asked(...[device, ...request]: [Device, ...Parameters<Device["ask"]>]) {
  try {
    const answer = await device.ask(...request);
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    return { status: 0, text: String(error) };
  }
}

export class Persistent {
  readonly device: Device;
  /** What was acknowledged: the bytes of each file as they are now. */
  readonly files = new Map<string, Uint8Array>();

  constructor(device: Device) {
    this.device = device;
  }

  #file(method: string, path: string, init: Init): Promise<File> {
    return insist<File>(this.device, method, path, init);
  }

  async put(name: string, body: Uint8Array): Promise<string> {
    const query = new URLSearchParams({ parent_id: "root", name });
    const { file_id } = await this.#file("POST", `files/upload?${query}`, { body });
    this.files.set(file_id, body);
    return file_id;
  }

  async putInChunks(name: string, body: Uint8Array): Promise<string> {
    const json = { parent_id: "root", name, size: body.length };
    const { upload_id, part_size } = await insist<UploadSession>(this.device, "POST", "files/upload", { json });
    const chunks: string[] = [];
    for (let at = 0; at < body.length; at += part_size) {
      const part = body.subarray(at, at + part_size);
      chunks.push(sha256(part));
      await insist(this.device, "PUT", `chunks/${chunks.at(-1)}?upload_id=${upload_id}&index=${chunks.length - 1}`, {
        body: part,
      });
    }
    const { file_id } = await this.#file("POST", `uploads/${upload_id}/complete`, { json: { chunks } });
    this.files.set(file_id, body);
    return file_id;
  }

  async replace(file_id: string, body: Uint8Array): Promise<void> {
    await this.#file("PUT", `files/${file_id}`, { body });
    this.files.set(file_id, body);
  }

  async copy(file_id: string, name: string): Promise<void> {
    const body = this.files.get(file_id)!;
    const copied = await this.#file("POST", `files/${file_id}/copy`, { json: { parent_id: "root", name } });
    this.files.set(copied.file_id, body);
  }

  /** All versions but the newest one. */
  async forgetHistory(file_id: string): Promise<void> {
    await insist(this.device, "DELETE", `files/${file_id}/versions`);
  }

  /** To the trash, and out of it. */
  async destroy(file_id: string): Promise<void> {
    this.files.delete(file_id);
    await insist(this.device, "DELETE", `files/${file_id}`);
    await insist(this.device, "DELETE", `trash/${file_id}`);
  }
}
