import { socketMessageSchema } from "../../core/protocol/sync.ts";
import type { Case } from "../lib/case.ts";
import { inFlight } from "../lib/in-flight.ts";
import { Account, opened } from "../lib/product.ts";
import { quantile } from "../lib/stats.ts";
import { milliseconds } from "../lib/table.ts";

/** From the answer to the one who changed something to the message at every device. */
const BAR = 250;
const PATIENCE = 30_000;
/** Sockets that are opened at a time. */
const OPENING = 20;

/** When each of many sockets heard of one thing. */
class Crowd {
  readonly #sockets: WebSocket[] = [];
  #key = "";
  #heard: number[] = [];
  #all: () => void = () => undefined;

  /** @param isAbout whether a message tells of a key */
  add(socket: WebSocket, isAbout: (text: string, key: string) => boolean): void {
    let last = "";
    socket.addEventListener("message", ({ data }) => {
      const at = performance.now();
      if (last === this.#key || !isAbout(String(data), this.#key)) return;
      last = this.#key;
      this.#heard.push(at);
      if (this.#heard.length === this.#sockets.length) this.#all();
    });
    this.#sockets.push(socket);
  }

  /** Milliseconds from the answer to each socket's message; below zero when it came first. */
  async listen(key: string, act: () => Promise<unknown>): Promise<number[]> {
    this.#key = key;
    this.#heard = [];
    const all = new Promise<void>((resolve, reject) => {
      this.#all = resolve;
      setTimeout(() => reject(new Error(`not all heard within ${PATIENCE} ms`)), PATIENCE).unref();
    });
    await act();
    const answered = performance.now();
    await all;
    return this.#heard.map((at) => at - answered);
  }

  close(): void {
    for (const socket of this.#sockets) socket.close(1000);
  }
}

function row(what: string, delays: readonly number[][], bar: string): string[] {
  const all = delays.flat();
  const slowest = delays.map((one) => Math.max(...one));
  const at = (samples: readonly number[], share: number): string => milliseconds(quantile(samples, share));
  return [what, at(all, 0.5), at(all, 0.99), at(slowest, 0.5), at(slowest, 1), bar];
}

const tells = (text: string, seq: string): boolean => {
  const message = socketMessageSchema.parse(JSON.parse(text));
  return message.type === "changes" && message.seq >= Number(seq);
};

/** One person with many devices: a change is told to all of them. */
export const fanOut: Case = {
  name: "fan-out",
  async run({ product, floor, sizes: { sockets, broadcasts } }) {
    const other = await Account.signIn(product.http.origin, "bench");
    const crowd = new Crowd();
    await inFlight(sockets, OPENING, async () => crowd.add(await other.socket(), tells));
    const folder = await product.folder("fan-out");
    let seq = await product.seq();
    const delays: number[][] = [];
    for (let i = 0; i < broadcasts; i++)
      delays.push(await crowd.listen(String(++seq), () => product.folder(`told ${i}`, folder.file_id)));
    crowd.close();

    const bare = new Crowd();
    const url = `${floor.origin.replace("http", "ws")}/socket`;
    await inFlight(sockets, OPENING, async () =>
      bare.add(await opened(new WebSocket(url)), (text, key) => text === key),
    );
    const lowest: number[][] = [];
    for (let i = 0; i < broadcasts; i++)
      lowest.push(await bare.listen(`all-${i}`, () => floor.ask("POST", `/notify/all-${i}`)));
    bare.close();
    const verdict = `${quantile(delays.flat(), 0.99) <= BAR ? "met" : "MISSED"}: ${BAR}`;
    return [
      {
        title: `A change told to ${sockets} sockets of one hub (ms after its answer)`,
        header: ["measure", "p50", "p99", "slowest socket p50", "at most", "bar of p99"],
        rows: [row("product, a new folder", delays, verdict), row("floor, a message through an object", lowest, "")],
      },
    ];
  },
};
