import { afterEach, beforeEach, expect, test } from "vitest";
import { Http } from "./http.ts";
import { Live, type LiveState } from "./live.ts";
import { Session } from "./session.ts";
import { MemoryStorage } from "./storage.ts";
import { Sync, type Change } from "./sync.ts";
import { problem, TestServer } from "../test/support/http-server.ts";

/** The browser's WebSocket as far as the client uses it; the test plays the server. */
class FakeSocket extends EventTarget {
  static opened: FakeSocket[] = [];
  readonly sent: string[] = [];
  readonly protocols: string[];
  readyState = 0;

  constructor(_url: string, protocols: string[]) {
    super();
    this.protocols = protocols;
    FakeSocket.opened.push(this);
    queueMicrotask(() => {
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
    });
  }

  send(data: string): void {
    this.sent.push(data);
  }

  close(): void {
    this.readyState = 3;
    this.dispatchEvent(new Event("close"));
  }

  receive(data: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data: typeof data === "string" ? data : JSON.stringify(data) }));
  }
}

const DRIVE = "01890000-0000-8000-8000-000000000000";
const wake = (seq: number) => ({ type: "changes", drive_id: DRIVE, seq });
const server = new TestServer();
let seq: number;
let got: number[];
let gaps: number;
let states: LiveState[];
let live: Live;

const start = async (timing: { ping_ms?: number; pong_ms?: number } = {}): Promise<void> => {
  const storage = new MemoryStorage();
  const http = new Http({ origin: await server.start(), backoff_ms: 1, retries: 0 });
  const session = new Session({ http, storage });
  await session.login({ email: "a@b.c", password: "p" });
  live = new Live({
    session,
    sync: new Sync(http),
    socket_origin: "ws://test",
    cursor: "0",
    onChanges: (changes: Change[]) => got.push(...changes.map((c) => c.seq)),
    onGap: () => gaps++,
    onState: (state) => states.push(state),
    socket: FakeSocket as unknown as typeof WebSocket,
    backoff_ms: 1,
    ...timing,
  });
  live.start();
};

beforeEach(() => {
  seq = 0;
  got = [];
  gaps = 0;
  states = [];
  FakeSocket.opened = [];
  server.handler = ({ path, query }) => {
    if (path === "/auth/login")
      return {
        status: 200,
        json: { user: { email: "a@b.c" }, device_id: "d", access_token: "tok", refresh_token: "r", expires_in: 900 },
      };
    const since = query.get("cursor") === "now" ? seq : Number(query.get("cursor"));
    const upTo = Math.min(seq, since + 2);
    const changes = Array.from({ length: upTo - since }, (_, i) => ({ seq: since + i + 1 }));
    return { status: 200, json: { changes, next_cursor: String(upTo), has_more: upTo < seq } };
  };
});
afterEach(async () => {
  live.stop();
  await server.stop();
});

test("offers the sub-protocol and the token, and pulls what happened meanwhile as soon as it is open", async () => {
  seq = 5;
  await start();
  await expect.poll(() => got).toEqual([1, 2, 3, 4, 5]);
  expect(FakeSocket.opened[0]?.protocols).toEqual(["edgedrive.v1", "edgedrive.token.tok"]);
});

test("a wake pulls from the cursor: nothing twice, nothing left out", async () => {
  await start();
  await expect.poll(() => states.at(-1)).toBe("open");
  for (const n of [1, 2, 3, 7]) {
    seq = n;
    FakeSocket.opened[0]?.receive(wake(n));
  }
  await expect.poll(() => got).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("W7: told to catch up, it is heard first, and then reads", async () => {
  await start();
  await expect.poll(() => states.at(-1)).toBe("open");
  await expect.poll(() => server.seen.some(({ path }) => path === "/sync/changes")).toBe(true);
  const socket = FakeSocket.opened[0]!;
  const asked = server.seen.length;
  seq = 3;
  socket.receive({ ...wake(3), catch_up: true });
  expect(socket.sent).toEqual(["ping"]);
  expect(server.seen.length).toBe(asked);
  socket.receive("pong");
  await expect.poll(() => got).toEqual([1, 2, 3]);
});

test("a lost connection comes back and catches up", async () => {
  await start();
  await expect.poll(() => states.at(-1)).toBe("open");
  seq = 3;
  FakeSocket.opened[0]?.close();
  await expect.poll(() => got).toEqual([1, 2, 3]);
  expect(FakeSocket.opened).toHaveLength(2);
});

test("silence after a ping means that the connection is dead", async () => {
  await start({ ping_ms: 5, pong_ms: 5 });
  await expect.poll(() => FakeSocket.opened.length).toBeGreaterThan(1);
  expect(FakeSocket.opened[0]?.sent).toEqual(["ping"]);
});

test("messages that a newer server may send are passed over", async () => {
  await start();
  await expect.poll(() => states.at(-1)).toBe("open");
  FakeSocket.opened[0]?.receive({ type: "confetti" });
  FakeSocket.opened[0]?.receive("not json");
  seq = 1;
  FakeSocket.opened[0]?.receive(wake(1));
  await expect.poll(() => got).toEqual([1]);
});

test("a cursor older than the journal is a gap, and it goes on from the newest", async () => {
  const usual = server.handler;
  seq = 9;
  server.handler = (seen) =>
    seen.path === "/sync/changes" && seen.query.get("cursor") === "0" ? problem(410, "cursor_expired") : usual(seen);
  await start();
  await expect.poll(() => gaps).toBe(1);
  await expect.poll(() => states.filter((s) => s === "open").length).toBe(2);
  await expect.poll(() => server.seen.at(-1)?.query.get("cursor")).toBe("now");
  seq = 10;
  FakeSocket.opened.at(-1)?.receive(wake(10));
  await expect.poll(() => got).toEqual([10]);
});
