import type { Entry } from "../manifests/node.ts";

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

/** Keeps `count` reads under way, in order; so memory is bounded by what they bring. */
export async function* readAhead<T, U>(
  wanted: AsyncIterable<T>,
  read: (item: T) => Promise<U>,
  count: number,
): AsyncGenerator<U> {
  const reads: Promise<U>[] = [];
  for await (const item of wanted) {
    const started = read(item);
    // It is awaited in its turn; until then a failure must not count as unhandled.
    started.catch(() => undefined);
    reads.push(started);
    if (reads.length >= count) yield await (reads.shift() as Promise<U>);
  }
  for (const started of reads) yield await started;
}
