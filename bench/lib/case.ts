import type { Account } from "./product.ts";
import type { Http } from "./http.ts";
import { median } from "./stats.ts";
import type { Samples } from "./pairs.ts";
import type { Sizes } from "./sizes.ts";
import { milliseconds, times } from "./table.ts";

export interface Sides {
  product: Account;
  floor: Http;
  sizes: Sizes;
}

/** One table of the output. */
export interface Report {
  title: string;
  header: string[];
  rows: string[][];
}

export interface Case {
  name: string;
  run(sides: Sides): Promise<Report[]>;
}

/** How often the floor's time the product takes: the median of the pairs. */
export const ratio = ({ product, floor }: Samples): string => times(median(product.map((ms, i) => ms / floor[i]!)));

/** A line of a table of work done in a time. @param amount work of one run, @param unit of the work, a second */
export function rateRow(what: string, samples: Samples, amount: number): string[] {
  const rate = (ms: readonly number[]): string => (amount / (median(ms) / 1000)).toFixed(0);
  return [what, rate(samples.product), rate(samples.floor), ratio(samples)];
}

export function timeRow(what: string, samples: Samples): string[] {
  return [what, milliseconds(median(samples.product)), milliseconds(median(samples.floor)), ratio(samples)];
}
