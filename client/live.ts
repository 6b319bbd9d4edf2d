import { socketMessageSchema, SOCKET_PROTOCOL, SOCKET_TOKEN_PREFIX, type Change } from "../core/protocol/sync.ts";
import { jittered } from "./backoff.ts";
import { isCode } from "./errors.ts";
import type { Session } from "./session.ts";
import { CURSOR_NOW, type Sync } from "./sync.ts";

/** `connecting` covers the pause before the next attempt as well. */
export type LiveState = "connecting" | "open" | "stopped";

export interface LiveOptions {
  session: Session;
  /** Where changes are read; a client that reads them elsewhere takes it as the wake that it is. */
  sync: Pick<Sync, "changes">;
  /** `ws(s)://host` of the server. */
  socket_origin: string;
  /** Where to go on from; `CURSOR_NOW` for the end of the journal. */
  cursor: string;
  /** Changes in the order of the journal. */
  onChanges(changes: Change[]): void;
  /** From here on every change is told; what was read before may have missed some, and must be read anew. */
  onGap(): void;
  onState?(state: LiveState): void;
  socket?: typeof WebSocket;
  ping_ms?: number;
  pong_ms?: number;
  backoff_ms?: number;
}

const BACKOFF_MAX_MS = 30_000;

/** The socket only wakes; what happened is read from the journal, so a missed message costs nothing. */
export class Live {
  readonly #options: LiveOptions;
  #cursor: string;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #stopped = true;
  #pulling = false;
  #woken = false;
  /** The server tells nothing more until it has heard us: what it left out is read behind its answer. */
  #isHeld = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#cursor = options.cursor;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    void this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
    this.#socket = null;
    this.#options.onState?.("stopped");
  }

  /** The network is back, or the page is seen again: no reason to wait for the timer. */
  nudge(): void {
    if (this.#stopped) return;
    if (this.#socket) return this.#ping(this.#socket);
    this.#attempt = 0;
    void this.#connect();
  }

  async #connect(): Promise<void> {
    clearTimeout(this.#timer);
    this.#options.onState?.("connecting");
    const token = await this.#options.session.fresh_token().catch(() => undefined);
    if (this.#stopped || this.#socket) return;
    if (token === null) return this.stop();
    if (token === undefined) return this.#retry();
    const WebSocketClass = this.#options.socket ?? WebSocket;
    const url = `${this.#options.socket_origin}/api/v1/sync/ws`;
    const socket = new WebSocketClass(url, [SOCKET_PROTOCOL, SOCKET_TOKEN_PREFIX + token]);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#attempt = 0;
      this.#options.onState?.("open");
      this.#pingLater(socket);
      void this.#pull();
    });
    socket.addEventListener("message", (event) => this.#receive(socket, event.data));
    socket.addEventListener("close", () => this.#lost(socket));
  }

  #lost(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    if (!this.#stopped) this.#retry();
  }

  #retry(): void {
    clearTimeout(this.#timer);
    this.#options.onState?.("connecting");
    const wait = jittered(this.#attempt++, this.#options.backoff_ms ?? 500, BACKOFF_MAX_MS);
    this.#timer = setTimeout(() => void this.#connect(), wait);
  }

  #receive(socket: WebSocket, data: unknown): void {
    if (socket !== this.#socket || typeof data !== "string") return;
    this.#pingLater(socket);
    if (data === "pong") return this.#heard();
    const message = socketMessageSchema.safeParse(parseJson(data));
    // A newer server may say things that this client does not know yet.
    if (!message.success) return;
    if (message.data.type === "changes") return this.#wake(socket, message.data.catch_up === true);
    void this.#options.session.renew(this.#options.session.access_token()).catch(() => undefined);
  }

  #wake(socket: WebSocket, isHeld: boolean): void {
    if (!isHeld) return void this.#pull();
    this.#isHeld = true;
    this.#ping(socket);
  }

  #heard(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    void this.#pull();
  }

  #pingLater(socket: WebSocket): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ping(socket), this.#options.ping_ms ?? 30_000);
  }

  /** A connection can be dead without anyone having said so: silence after a ping means that it is. */
  #ping(socket: WebSocket): void {
    if (socket.readyState !== 1) return;
    socket.send("ping");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      socket.close();
      this.#lost(socket);
    }, this.#options.pong_ms ?? 10_000);
  }

  /** One pull at a time; a wake during one starts another, so that nothing committed meanwhile is left behind. */
  async #pull(): Promise<void> {
    this.#woken = true;
    if (this.#pulling) return;
    this.#pulling = true;
    try {
      while (this.#woken && !this.#stopped) {
        this.#woken = false;
        const from = this.#cursor;
        const page = await this.#options.sync.changes(from);
        this.#cursor = page.next_cursor;
        this.#woken ||= page.has_more;
        if (from === CURSOR_NOW) this.#options.onGap();
        if (page.changes.length > 0 && !this.#stopped) this.#options.onChanges(page.changes);
      }
    } catch (error) {
      if (isCode(error, "cursor_expired", "cursor_invalid")) this.#cursor = CURSOR_NOW;
      // Anything else: the connection is in trouble too, and the next one begins with a pull.
      this.#socket?.close();
    } finally {
      this.#pulling = false;
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
