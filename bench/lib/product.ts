import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SignedIn } from "../../core/protocol/auth.ts";
import type { File } from "../../core/protocol/files.ts";
import { type Changes, CURSOR_NOW, SOCKET_PROTOCOL, SOCKET_TOKEN_PREFIX } from "../../core/protocol/sync.ts";
import type { Alter } from "../../scripts/lib/runtime-options.ts";
import { startProduct, type Product } from "../../scripts/lib/start-product.ts";
import type { CleanUp } from "./clean-up.ts";
import { Http } from "./http.ts";

export const BASE = "/api/v1";

/** A directory of its own for one side, gone when the bench ends. */
export function temporaryState(cleanUp: CleanUp): string {
  const path = mkdtempSync(join(tmpdir(), "edgedrive-bench-"));
  cleanUp.defer(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Copies to the replica come later, and would be measured with whatever runs then: `cases/replica.ts` measures them. */
const withoutReplica: Alter = (worker) => {
  const { BLOBS_REPLICA: _, ...r2Buckets } = worker.r2Buckets as Record<string, string>;
  return { ...worker, r2Buckets };
};

/** The built product as `npm start` runs it, without crons, so that no sweep falls into a run. */
export async function startBenched(
  cleanUp: CleanUp,
  {
    observability,
    data = temporaryState(cleanUp),
    alter = withoutReplica,
  }: { observability: boolean; data?: string; alter?: Alter },
): Promise<Product> {
  const say = (message: string): void => console.error(message);
  const product = await startProduct({ port: 0, data, observability, alter, crons: false, say });
  cleanUp.defer(product.stop);
  return product;
}

const credentials = (name: string) => ({ email: `${name}@example.com`, password: "correct horse battery" });

/** One person on one device. */
export class Account {
  readonly http: Http;
  readonly user_id: string;
  readonly device_id: string;
  #signedIn: SignedIn;

  private constructor(http: Http, signedIn: SignedIn) {
    this.http = http;
    this.user_id = signedIn.user.user_id;
    this.device_id = signedIn.device_id;
    this.#signedIn = signedIn;
    this.#use(signedIn);
  }

  static register(url: string, name: string): Promise<Account> {
    return Account.#enter(url, "register", { ...credentials(name), name });
  }

  static signIn(url: string, name: string): Promise<Account> {
    return Account.#enter(url, "login", credentials(name));
  }

  static async #enter(url: string, by: string, json: object): Promise<Account> {
    const http = new Http(url);
    return new Account(http, await http.json<SignedIn>("POST", `${BASE}/auth/${by}`, { json }));
  }

  #use(signedIn: SignedIn): void {
    this.#signedIn = signedIn;
    this.http.always({ authorization: `Bearer ${signedIn.access_token}` });
  }

  /** Access tokens live for 15 minutes: every case begins with a new one. */
  async refresh(): Promise<void> {
    const json = { refresh_token: this.#signedIn.refresh_token };
    const { access_token, refresh_token } = await this.http.json<SignedIn>("POST", `${BASE}/auth/refresh`, { json });
    this.#use({ ...this.#signedIn, access_token, refresh_token });
  }

  upload(name: string, body: Uint8Array, parent_id = "root"): Promise<File> {
    const query = new URLSearchParams({ parent_id, name });
    return this.http.json<File>("POST", `${BASE}/files/upload?${query}`, { body });
  }

  folder(name: string, parent_id = "root"): Promise<File> {
    return this.http.json<File>("POST", `${BASE}/folders`, { json: { parent_id, name } });
  }

  /** Where a device is that has read everything. */
  async cursor(): Promise<string> {
    const { next_cursor } = await this.http.json<Changes>("GET", `${BASE}/sync/changes?cursor=${CURSOR_NOW}`);
    return next_cursor;
  }

  /** Newest sequence number of the own drive. */
  async seq(): Promise<number> {
    const { items } = await this.http.json<{ items: { seq: number }[] }>("GET", `${BASE}/activity?limit=1`);
    return items[0]?.seq ?? 0;
  }

  /** The live socket, open. */
  socket(): Promise<WebSocket> {
    const url = `${this.http.origin.replace("http", "ws")}${BASE}/sync/ws`;
    return opened(new WebSocket(url, [SOCKET_PROTOCOL, SOCKET_TOKEN_PREFIX + this.#signedIn.access_token]));
  }
}

export async function opened(socket: WebSocket): Promise<WebSocket> {
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve(), { once: true });
    socket.addEventListener("error", () => reject(new Error(`no socket at ${socket.url}`)), { once: true });
  });
  return socket;
}
