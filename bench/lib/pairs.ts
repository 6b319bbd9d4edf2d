import { setTimeout as sleep } from "node:timers/promises";

/** The same job on both sides. @returns milliseconds */
export interface Pair {
  product(): Promise<number>;
  floor(): Promise<number>;
}

export interface Samples {
  product: number[];
  floor: number[];
}

/** What one side left running (queue consumers, its disk) shall not count against the other, milliseconds. */
const REST = 200;

/**
 * Runs both sides in turns, and who goes first in turns as well, so that a machine that slows down or warms up does so
 * for both. The warm-up is not counted.
 */
export async function inTurns(pair: Pair, runs: number, options: { warm_up: number; rest: boolean }): Promise<Samples> {
  const samples: Samples = { product: [], floor: [] };
  for (let run = -options.warm_up; run < runs; run++) {
    const order = run % 2 === 0 ? (["product", "floor"] as const) : (["floor", "product"] as const);
    for (const side of order) {
      if (options.rest) await sleep(REST);
      const ms = await pair[side]();
      if (run >= 0) samples[side].push(ms);
    }
  }
  return samples;
}
