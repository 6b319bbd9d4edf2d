/** Someone on a device, over real HTTP and a real WebSocket. */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { SignedIn } from "../../../core/protocol/auth.ts";
import type { File } from "../../../core/protocol/files.ts";
import { SOCKET_PROTOCOL, SOCKET_TOKEN_PREFIX, type Changes, type SocketMessage } from "../../../core/protocol/sync.ts";
import { waitFor } from "../wait-for.ts";

export const PASSWORD = "correct horse battery staple";

type Init = Omit<RequestInit, "body" | "headers"> & {
  json?: unknown;
  body?: BodyInit | Uint8Array;
  headers?: Record<string, string>;
};

export class Device {
  readonly url: string;
  readonly signedIn: SignedIn;

  constructor(url: string, signedIn: SignedIn) {
    this.url = url;
    this.signedIn = signedIn;
  }

  static async #enter(url: string, how: "register" | "login", json: object): Promise<Device> {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}/api/v1/auth/${how}`, { method: "POST", headers, body: JSON.stringify(json) });
    const signedIn = (await answer.json()) as SignedIn;
    expect(answer.ok, JSON.stringify(signedIn)).toBe(true);
    return new Device(url, signedIn);
  }

  static register(url: string, name: string): Promise<Device> {
    return Device.#enter(url, "register", { email: `${name}@example.org`, password: PASSWORD, name });
  }

  static login(url: string, name: string, device_name: string): Promise<Device> {
    return Device.#enter(url, "login", { email: `${name}@example.org`, password: PASSWORD, device_name });
  }

  get id(): string {
    return this.signedIn.user.user_id;
  }

  /** Paths without a slash at the front are under `/api/v1`. */
  ask(method: string, path: string, { json, headers, body, ...init }: Init = {}): Promise<Response> {
    const url = `${this.url}${path.startsWith("/") ? path : `/api/v1/${path}`}`;
    const all: Record<string, string> = { authorization: `Bearer ${this.signedIn.access_token}`, ...headers };
    if (json !== undefined) all["content-type"] = "application/json";
    const payload = json === undefined ? (body as BodyInit | undefined) : JSON.stringify(json);
    return fetch(url, { ...init, method, headers: all, body: payload });
  }

  /** As {@link ask}, for what is expected to work and answers JSON. */
  async ok<T = Record<string, unknown>>(method: string, path: string, init: Init = {}): Promise<T> {
    const answer = await this.ask(method, path, init);
    const text = await answer.text();
    expect(answer.status, `${method} ${path}: ${text}`).toBeLessThan(300);
    return (text === "" ? {} : JSON.parse(text)) as T;
  }

  upload(name: string, body: Uint8Array, parent_id = "root"): Promise<File> {
    return this.ok<File>("POST", `files/upload?${new URLSearchParams({ parent_id, name })}`, { body });
  }

  /** SHA-256 of a file's bytes, read as they come. */
  async downloadHash(file_id: string): Promise<string> {
    const answer = await this.ask("GET", `files/${file_id}/download`);
    expect(answer.status).toBe(200);
    const hash = createHash("sha256");
    for await (const piece of answer.body as ReadableStream<Uint8Array>) hash.update(piece);
    return hash.digest("hex");
  }

  async quota(): Promise<{ used_bytes: number; reserved_bytes: number }> {
    return (await this.ok<{ quota: { used_bytes: number; reserved_bytes: number } }>("GET", "me")).quota;
  }

  changes(cursor: string): Promise<Changes> {
    return this.ok<Changes>("GET", `sync/changes?${new URLSearchParams({ cursor })}`);
  }

  /** Connected when it resolves. */
  async listen(): Promise<Socket> {
    const socket = new Socket(this.url, this.signedIn.access_token);
    await socket.opened;
    return socket;
  }
}

export class Socket {
  readonly messages: SocketMessage[] = [];
  readonly opened: Promise<void>;
  readonly #socket: WebSocket;

  constructor(url: string, token: string) {
    const protocols = [SOCKET_PROTOCOL, SOCKET_TOKEN_PREFIX + token];
    this.#socket = new WebSocket(`${url.replace("http", "ws")}/api/v1/sync/ws`, protocols);
    this.opened = new Promise((resolve, reject) => {
      this.#socket.addEventListener("open", () => resolve());
      this.#socket.addEventListener("error", () => reject(new Error("the socket did not open")));
    });
    this.#socket.addEventListener("message", (event) => {
      this.messages.push(JSON.parse(String(event.data)) as SocketMessage);
    });
  }

  /** The newest sequence number that this device was told, once it has reached `seq`. */
  told(seq: number): Promise<number> {
    return waitFor(() => {
      const known = this.messages.flatMap((m) => (m.type === "changes" ? [m.seq] : []));
      return Math.max(0, ...known) >= seq && Math.max(...known);
    });
  }

  async close(): Promise<CloseEvent> {
    const closed = new Promise<CloseEvent>((resolve) => this.#socket.addEventListener("close", resolve));
    this.#socket.close(1000);
    return closed;
  }
}
