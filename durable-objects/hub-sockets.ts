/** Hibernating sockets of a person's devices. docs/spec/sync.md, W1 to W7 and W9. */
import type { JournalRow } from "../core/files/model.ts";
import { SOCKET_PROTOCOL, type SocketMessage } from "../core/protocol/sync.ts";
import { Feeder, TICK, Waiting } from "../core/sync/feed.ts";

/** Who a socket belongs to: kept through hibernation. */
interface Attachment {
  session_id: string;
  device_id: string;
}

/** Sign-in sessions that ended lately: an upgrade that was let in before may come after. */
const ENDED_MAX = 1000;

const SIGNED_OUT = JSON.stringify({ type: "signed_out" } satisfies SocketMessage);

export class HubSockets {
  readonly #ctx: DurableObjectState;
  readonly #waiting = new Waiting();
  readonly #feeder = new Feeder<WebSocket>();
  readonly #ended = new Set<string>();
  #isTicking = false;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    // Answered by the runtime: an idle hub sleeps through its devices' heartbeats.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  /** The upgrade of a device that the API has authenticated. */
  accept(request: Request): Response {
    const url = new URL(request.url);
    const attachment: Attachment = {
      session_id: url.searchParams.get("session_id") ?? "",
      device_id: url.searchParams.get("device_id") ?? "",
    };
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, [attachment.session_id]);
    server.serializeAttachment(attachment);
    if (this.#ended.has(attachment.session_id)) end(server);
    const offered = request.headers.get("sec-websocket-protocol") ?? "";
    const headers = offered.includes(SOCKET_PROTOCOL) ? { "sec-websocket-protocol": SOCKET_PROTOCOL } : undefined;
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  /** @param entries none when it is only known that the drive moved */
  tell(drive_id: string, seq: number, entries: readonly JournalRow[]): void {
    this.#waiting.add(drive_id, seq, entries);
    if (!this.#isTicking) this.#tick();
  }

  /** The first goes at once: a single change waits for nothing. */
  #tick(): void {
    this.#isTicking = !this.#waiting.isEmpty;
    if (!this.#isTicking) return;
    const messages = this.#waiting.take();
    for (const socket of this.#ctx.getWebSockets()) this.#feed(socket, messages);
    setTimeout(() => this.#tick(), TICK);
  }

  #feed(socket: WebSocket, messages: readonly ((device_id: string) => string)[]): void {
    const { device_id } = socket.deserializeAttachment() as Attachment;
    const heard_at = this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
    for (const textFor of messages) {
      const text = this.#feeder.offer(socket, textFor(device_id), heard_at);
      try {
        if (text !== null) socket.send(text);
      } catch {
        // It is closing: its device will come back with its cursor.
      }
    }
  }

  /** The sockets of these sign-in sessions end at once. */
  signOut(session_ids: readonly string[]): void {
    if (this.#ended.size > ENDED_MAX) this.#ended.clear();
    for (const id of session_ids) {
      this.#ended.add(id);
      for (const socket of this.#ctx.getWebSockets(id)) end(socket);
    }
  }

  closeAll(): void {
    for (const socket of this.#ctx.getWebSockets()) end(socket);
  }
}

function end(socket: WebSocket): void {
  try {
    socket.send(SIGNED_OUT);
    socket.close(4001, "signed out");
  } catch {
    // It is closing already; the others must hear it all the same.
  }
}
