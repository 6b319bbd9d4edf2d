import { newSecret } from "../core/protocol/ids.ts";
import { jittered, pause, retryAfter } from "./backoff.ts";
import { errorOf, NetworkError, type ApiError } from "./errors.ts";

export interface HttpRequest {
  method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/api/v1`, with a leading slash; segments already encoded. */
  path: string;
  query?: Record<string, string | number | boolean | null | undefined>;
  json?: unknown;
  /** Bytes; must be readable again for a retry, so no stream. */
  body?: Blob | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Sign-in and anonymous requests carry no token. */
  anonymous?: boolean;
  /** Bytes of the body handed to the network so far. Starts over when the request is retried. */
  onSent?: ((bytes: number) => void) | undefined;
}

export interface Sent {
  url: string;
  method: string;
  headers: Record<string, string>;
  body: Blob | Uint8Array<ArrayBuffer> | string | undefined;
  signal: AbortSignal | undefined;
  onSent: ((bytes: number) => void) | undefined;
}

/** One exchange. `fetch` cannot tell how much of a body has left, so a browser brings a transport that can. */
export type Transport = (request: Sent) => Promise<Response>;

export interface TokenSource {
  access_token(): string | null;
  /** One that will hold for a while, renewed first if need be; null when nobody is signed in. */
  fresh_token(): Promise<string | null>;
  /** A fresh token after the one that was refused; null when nobody is signed in any more. */
  renew(refused: string | null): Promise<string | null>;
}

export interface HttpOptions {
  /** Origin, such as `https://drive.example`; empty for the page's own. */
  origin: string;
  transport?: Transport;
  tokens?: TokenSource;
  /** Retries after the first attempt. */
  retries?: number;
  /** Bound of the first pause, in milliseconds. */
  backoff_ms?: number;
}

const RETRIED_STATUS = new Set([429, 502, 503, 504]);
const BACKOFF_MAX_MS = 20_000;
/** A server that asks for more than this is not waited for: the person is told instead. */
const RETRY_AFTER_MAX_MS = 60_000;

export const fetchTransport: Transport = async ({ url, method, headers, body, signal, onSent }) => {
  const init: RequestInit = { method, headers, body: body ?? null, signal: signal ?? null };
  const response = await fetch(url, init);
  if (onSent && body !== undefined && typeof body !== "string") onSent(body instanceof Blob ? body.size : body.length);
  return response;
};

/** One door to the server: token, idempotency, retries and errors are settled here and nowhere else. */
export class Http {
  readonly origin: string;
  readonly #transport: Transport;
  readonly #retries: number;
  readonly #backoff_ms: number;
  #tokens: TokenSource | null;

  constructor(options: HttpOptions) {
    this.origin = options.origin;
    this.#transport = options.transport ?? fetchTransport;
    this.#tokens = options.tokens ?? null;
    this.#retries = options.retries ?? 4;
    this.#backoff_ms = options.backoff_ms ?? 400;
  }

  /** The sign-in session needs this object and this object needs its tokens: it is tied in afterwards. */
  authenticate(tokens: TokenSource): void {
    this.#tokens = tokens;
  }

  url(path: string, query: HttpRequest["query"] = {}): string {
    const params = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) {
      if (value !== null && value !== undefined) params.set(key, String(value));
    }
    const search = params.size > 0 ? `?${params}` : "";
    return `${this.origin}/api/v1${path}${search}`;
  }

  /** @throws ApiError for an answer of 400 and above, NetworkError when none came, the signal's reason when aborted. */
  async request(request: HttpRequest): Promise<Response> {
    const sent = this.#prepare(request);
    let token = await this.#token(request);
    let renewed = false;
    for (let attempt = 0; ; attempt++) {
      const last = attempt >= this.#retries;
      const headers = token === null ? sent.headers : { ...sent.headers, authorization: `Bearer ${token}` };
      const response = await this.#exchange({ ...sent, headers }, last);
      if (response?.ok) return response;
      if (response?.status === 401 && !request.anonymous && !renewed) {
        const error = await errorOf(response);
        token = await this.#renew(error, token);
        renewed = true;
        attempt--;
        continue;
      }
      const wait = response && RETRIED_STATUS.has(response.status) ? this.#wait(response, attempt) : null;
      if (response && (last || wait === null)) throw await errorOf(response);
      await response?.body?.cancel();
      await pause(wait ?? jittered(attempt, this.#backoff_ms, BACKOFF_MAX_MS), request.signal);
    }
  }

  async json<T>(request: HttpRequest): Promise<T> {
    const response = await this.request(request);
    return (await response.json()) as T;
  }

  /** For answers without a body, such as 204. */
  async done(request: HttpRequest): Promise<void> {
    const response = await this.request(request);
    await response.body?.cancel();
  }

  #prepare(request: HttpRequest): Sent {
    const method = request.method ?? "GET";
    const headers: Record<string, string> = { accept: "application/json", ...request.headers };
    // The same key goes with every retry of this request: the server answers the second with the first's result.
    if (method !== "GET" && method !== "HEAD") headers["idempotency-key"] ??= newSecret();
    if (request.json !== undefined) headers["content-type"] = "application/json";
    const body = request.json === undefined ? request.body : JSON.stringify(request.json);
    const url = this.url(request.path, request.query);
    return { url, method, headers, body, signal: request.signal, onSent: request.onSent };
  }

  /** Bytes go with a token that will be taken: else all parts in flight are sent in vain, and once more after a refresh. */
  async #token({ anonymous, body }: HttpRequest): Promise<string | null> {
    if (anonymous || this.#tokens === null) return null;
    return body === undefined ? this.#tokens.access_token() : this.#tokens.fresh_token();
  }

  async #exchange(sent: Sent, last: boolean): Promise<Response | null> {
    try {
      return await this.#transport(sent);
    } catch (cause) {
      if (sent.signal?.aborted) throw sent.signal.reason;
      if (last) throw new NetworkError(cause);
      return null;
    }
  }

  /** A token that ran out, is gone from memory or was revoked: a refresh brings a new one, or learns that we are signed out. */
  async #renew(error: ApiError, refused: string | null): Promise<string> {
    if (!error.code.startsWith("token_")) throw error;
    const token = await this.#tokens?.renew(refused);
    if (!token) throw error;
    return token;
  }

  /** Milliseconds to wait before trying a refused request again; null when that is too long. */
  #wait(response: Response, attempt: number): number | null {
    const asked = retryAfter(response.headers.get("retry-after"), Date.now());
    if (asked !== null && asked > RETRY_AFTER_MAX_MS) return null;
    return (asked ?? 0) + jittered(attempt, this.#backoff_ms, BACKOFF_MAX_MS);
  }
}
