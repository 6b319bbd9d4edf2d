/** HTTP as a fast client speaks it: connections kept, bodies uncompressed, no `Expect`. */
import { Agent, request, type IncomingHttpHeaders } from "node:http";

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Ask {
  headers?: Record<string, string>;
  body?: Uint8Array;
  json?: unknown;
}

/** Pieces in which a body is written: about what a browser or curl does. */
const PIECE = 64 * 1024;

/** The server closed a kept connection while the next request was on its way. */
class StaleConnection extends Error {}

export class Http {
  readonly origin: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #headers: Record<string, string> = {};

  constructor(origin: string) {
    this.origin = origin;
  }

  /** Sent with every request from now on. */
  always(headers: Record<string, string>): void {
    this.#headers = headers;
  }

  /** @throws when the answer is no 2xx, with what it said */
  async ask(method: string, path: string, { headers, body, json }: Ask = {}): Promise<Answer> {
    const bytes = json === undefined ? body : Buffer.from(JSON.stringify(json));
    const all = {
      "accept-encoding": "identity",
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...this.#headers,
      ...headers,
    };
    const answer = await this.#send(method, path, bytes, all).catch((error: unknown) => {
      if (error instanceof StaleConnection) return this.#send(method, path, bytes, all);
      throw error;
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw new Error(`${method} ${path} answered ${answer.status}: ${answer.body.toString().slice(0, 500)}`);
  }

  async json<T>(method: string, path: string, ask: Ask = {}): Promise<T> {
    return JSON.parse((await this.ask(method, path, ask)).body.toString()) as T;
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, path: string, body: Uint8Array | undefined, headers: Record<string, string>): Promise<Answer> {
    const length = body === undefined && method === "GET" ? {} : { "content-length": String(body?.length ?? 0) };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.origin}${path}`, { method, agent: this.#agent, headers: { ...headers, ...length } });
      sent.on("error", (error) => reject(sent.reusedSocket ? new StaleConnection(String(error)) : error));
      sent.on("response", (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
        );
      });
      if (body === undefined || body.length <= PIECE) return void sent.end(body);
      let at = 0;
      const write = (): void => {
        while (at < body.length) {
          const flowing = sent.write(body.subarray(at, (at += PIECE)));
          if (!flowing) return void sent.once("drain", write);
        }
        sent.end();
      };
      write();
    });
  }
}
