/** A device's live socket at the API. */
import { expect } from "vitest";
import { SOCKET_PROTOCOL, SOCKET_TOKEN_PREFIX, type SocketMessage } from "../../../core/protocol/sync.ts";
import worker from "../../../workers/api/index.ts";
import { apiEnv } from "./api.ts";

export class Socket {
  readonly messages: (SocketMessage | string)[] = [];
  closed: CloseEvent | null = null;
  readonly ws: WebSocket;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.accept();
    ws.addEventListener("message", ({ data }) => {
      this.messages.push(data === "pong" ? "pong" : (JSON.parse(String(data)) as SocketMessage));
    });
    ws.addEventListener("close", (event) => (this.closed = event));
  }

  static async open(token: string): Promise<Socket> {
    const headers = {
      upgrade: "websocket",
      "sec-websocket-protocol": `${SOCKET_PROTOCOL}, ${SOCKET_TOKEN_PREFIX}${token}`,
    };
    const request = new Request<unknown, IncomingRequestCfProperties>("https://drive.example/api/v1/sync/ws", {
      headers,
    });
    const answer = await worker.fetch(request, apiEnv, { waitUntil: () => undefined } as unknown as ExecutionContext);
    expect([answer.status, answer.headers.get("sec-websocket-protocol")]).toEqual([101, SOCKET_PROTOCOL]);
    return new Socket(answer.webSocket as WebSocket);
  }

  /** At the hub itself, behind the API's checks. */
  static async upgrade(user_id: string, claims: { session_id: string; device_id: string }): Promise<Socket> {
    const hub = apiEnv.SYNC_HUB.get(apiEnv.SYNC_HUB.idFromName(user_id));
    const url = `https://hub/ws?${new URLSearchParams(claims)}`;
    return new Socket((await hub.fetch(url, { headers: { upgrade: "websocket" } })).webSocket as WebSocket);
  }

  /** The newest message, if it is one of changes. */
  get last(): Extract<SocketMessage, { type: "changes" }> | undefined {
    const message = this.messages.at(-1);
    return typeof message === "object" && message.type === "changes" ? message : undefined;
  }
}
