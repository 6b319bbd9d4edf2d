import type { Entry } from "../manifests/node.ts";
import type { Grant } from "./allowance.ts";

/** Neighbouring blocks of one pack: one ranged read. */
export interface Run {
  entries: Entry[];
  /** Stored bytes. */
  length: number;
}

const isNeighbour = (entry: Entry, last: Entry): boolean =>
  entry.pack_id === last.pack_id && entry.offset === last.offset + last.stored;

/** Joins neighbours into runs of `max` stored bytes, or of one block that is longer. */
export async function* joinRuns(entries: AsyncIterable<Entry> | Iterable<Entry>, max: number): AsyncGenerator<Run> {
  let run: Run | null = null;
  for await (const entry of entries) {
    if (run !== null && run.length + entry.stored <= max && isNeighbour(entry, run.entries.at(-1) as Entry)) {
      run.entries.push(entry);
      run.length += entry.stored;
      continue;
    }
    if (run !== null) yield run;
    run = { entries: [entry], length: entry.stored };
  }
  if (run !== null) yield run;
}

/**
 * Keeps up to `count` reads under way, in order: one always, more while `take` has memory for what they bring. What was
 * yielded counts until the next is asked for.
 */
export async function* readAhead<T, U>(
  wanted: AsyncIterable<T>,
  read: (item: T) => Promise<U>,
  count: number,
  take: (item: T) => Grant | null,
): AsyncGenerator<U> {
  const reads: { result: Promise<U>; grant: Grant | null }[] = [];
  const first = async function* () {
    const { result, grant } = reads[0] as (typeof reads)[number];
    yield await result;
    grant?.release();
    reads.shift();
  };
  try {
    for await (const item of wanted) {
      let grant = take(item);
      while (reads.length >= count || (grant === null && reads.length > 0)) {
        yield* first();
        grant ??= take(item);
      }
      const result = read(item);
      // It is awaited in its turn; until then a failure must not count as unhandled.
      result.catch(() => undefined);
      reads.push({ result, grant });
    }
    while (reads.length > 0) yield* first();
  } finally {
    for (const { grant } of reads) grant?.release();
  }
}
