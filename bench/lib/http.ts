/** HTTP as a fast client speaks it: connections kept, bodies uncompressed, no `Expect`. */
import { Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { pipeline } from "node:stream/promises";

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

const answered = (sent: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => void sent.once("response", resolve).once("error", reject));

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

  /** Sends a body that is never whole in memory, on a connection of its own. @returns the answer's body */
  async send(method: string, path: string, size: number, pieces: Iterable<Uint8Array>): Promise<Buffer> {
    const headers = { ...this.#headers, "content-length": String(size) };
    const sent = request(`${this.origin}${path}`, { method, headers, agent: false });
    const [response] = await Promise.all([answered(sent), pipeline(pieces, sent)]);
    const body = Buffer.concat(await response.toArray());
    if (response.statusCode !== undefined && response.statusCode < 300) return body;
    throw new Error(`${method} ${path} answered ${response.statusCode}: ${body.toString().slice(0, 500)}`);
  }

  /** Reads an answer and forgets it, on a connection of its own. @returns how many bytes it had */
  async receive(path: string): Promise<number> {
    const sent = request(`${this.origin}${path}`, { headers: this.#headers, agent: false });
    sent.end();
    const response = await answered(sent);
    let size = 0;
    for await (const piece of response) size += (piece as Buffer).length;
    if (response.statusCode !== 200) throw new Error(`GET ${path} answered ${response.statusCode}`);
    return size;
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
