import { socketMessageSchema } from "../../core/protocol/sync.ts";
import type { Case } from "../lib/case.ts";
import { Account, opened } from "../lib/product.ts";
import { quantile } from "../lib/stats.ts";
import { milliseconds } from "../lib/table.ts";

/** From the answer to the one who changed something to the message at another device. */
const BAR = 200;
const PATIENCE = 10_000;

/** Times of messages on a socket, by what they tell. */
class Listener {
  readonly #arrived = new Map<string, number>();
  readonly #waiting = new Map<string, (at: number) => void>();

  /** @param keysOf a message; null when it tells of all that happened, and names nothing */
  constructor(socket: WebSocket, keysOf: (text: string) => string[] | null) {
    socket.addEventListener("message", ({ data }) => {
      const at = performance.now();
      for (const key of keysOf(String(data)) ?? [...this.#waiting.keys()]) {
        this.#arrived.set(key, at);
        this.#waiting.get(key)?.(at);
        this.#waiting.delete(key);
      }
    });
  }

  at(key: string): Promise<number> {
    const known = this.#arrived.get(key);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no message within ${PATIENCE} ms`)), PATIENCE);
      this.#waiting.set(key, (at) => {
        clearTimeout(late);
        resolve(at);
      });
    });
  }
}

interface Delays {
  /** From the answer to the message; below zero when the message came first. */
  after_answer: number[];
  /** From the request to the message: the change itself is in it. */
  after_request: number[];
}

async function delays(count: number, act: (i: number) => Promise<string>, listener: Listener): Promise<Delays> {
  const found: Delays = { after_answer: [], after_request: [] };
  for (let i = 0; i < count; i++) {
    const asked = performance.now();
    const key = await act(i);
    const answered = performance.now();
    const told = await listener.at(key);
    found.after_answer.push(told - answered);
    found.after_request.push(told - asked);
  }
  return found;
}

/** A wake carries the changes themselves when they are few; then it names the files. */
const filesIn = (text: string): string[] | null => {
  const message = socketMessageSchema.parse(JSON.parse(text));
  return message.type === "changes" ? (message.changes?.map(({ file_id }) => file_id) ?? null) : [];
};

/** Keeps a few changes of the same drive under way while `work` runs. */
async function whileBusy<T>(product: Account, parent_id: string, writers: number, work: () => Promise<T>): Promise<T> {
  const ended = new AbortController();
  const write = async (writer: number): Promise<void> => {
    for (let i = 0; !ended.signal.aborted; i++) await product.folder(`busy ${writer} ${i}`, parent_id);
  };
  const writing = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  // It is awaited below; until then a failure must not count as unhandled.
  writing.catch(() => undefined);
  try {
    return await work();
  } finally {
    ended.abort();
    await writing;
  }
}

function row(what: string, { after_answer, after_request }: Delays, bar: string): string[] {
  const at = (samples: number[], share: number): string => milliseconds(quantile(samples, share));
  return [what, at(after_answer, 0.5), at(after_answer, 0.95), at(after_request, 0.5), at(after_request, 0.95), bar];
}

const verdict = ({ after_answer }: Delays): string =>
  `${quantile(after_answer, 0.95) <= BAR ? "met" : "MISSED"}: ${BAR}`;

export const notify: Case = {
  name: "notify",
  async run({ product, floor, sizes: { notifications: count } }) {
    const { file_id } = await product.folder("notify");
    // Another device: who made a change is told its number only.
    const socket = await (await Account.signIn(product.http.origin, "bench")).socket();
    const listener = new Listener(socket, filesIn);
    const create = (name: string) => async (i: number) => (await product.folder(`${name} ${i}`, file_id)).file_id;
    const quiet = await delays(count, create("quiet"), listener);
    const busy = await whileBusy(product, file_id, 8, () => delays(count, create("told"), listener));
    socket.close(1000);

    const bare = await opened(new WebSocket(`${floor.origin.replace("http", "ws")}/socket`));
    const heard = new Listener(bare, (text) => [text]);
    const tell = async (i: number): Promise<string> => {
      await floor.ask("POST", `/notify/told-${i}`);
      return `told-${i}`;
    };
    const lowest = await delays(count, tell, heard);
    bare.close(1000);
    return [
      {
        title: "Notification of another device (ms)",
        header: ["measure", "after answer p50", "p95", "after request p50", "p95", "bar of p95 after answer"],
        rows: [
          row("product, a new folder", quiet, verdict(quiet)),
          row("product, a new folder while 8 others write to the drive", busy, verdict(busy)),
          row("floor, a message through an object", lowest, ""),
        ],
      },
    ];
  },
};
