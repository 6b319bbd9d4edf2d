import { waitUntil } from "cloudflare:workers";
import type { BreakerState } from "../../core/replica/breaker.ts";
import type { Guarded, ReplicaWatch } from "../../core/replica/ports.ts";
import type { D1StoreRecord } from "../d1/directory/store-record.ts";

/** Milliseconds between two writes of counts, and two looks at what other isolates found. */
const PAUSE = 5_000;

/** Milliseconds for which another isolate's open breaker counts: as long as it stays open at most. */
const FRESH = 30_000;

const openName = (guarded: Guarded): string => `open:${guarded}`;

/**
 * Counts, alerts, and passes on what one isolate found, all of it beside the request. Lines that have `alert` are for
 * whoever runs this.
 */
export class StoreWatch implements ReplicaWatch {
  readonly #record: D1StoreRecord;
  /** Opens this isolate's breaker. */
  readonly #trip: (guarded: Guarded) => void;
  #counts = new Map<string, number>();
  #saved_at = 0;
  #looked_at = 0;

  constructor(record: D1StoreRecord, trip: (guarded: Guarded) => void) {
    this.#record = record;
    this.#trip = trip;
  }

  moved(guarded: Guarded, from: BreakerState, to: BreakerState): void {
    console.error({ message: "the breaker of the object store moved", alert: "breaker", guarded, from, to });
    this.#count(`moved:${guarded}:${to}`);
    if (to === "half_open") return;
    this.#save([[openName(guarded), to === "open" ? 1 : 0]]);
  }

  failed(guarded: Guarded, error: unknown): void {
    console.warn({ message: "the object store failed", guarded, error: String(error).slice(0, 200) });
    if (Date.now() - this.#looked_at < PAUSE) return;
    this.#looked_at = Date.now();
    waitUntil(this.#look(guarded));
  }

  fellBack(guarded: Guarded): void {
    this.#count(`fell_back:${guarded}`);
    if (Date.now() - this.#saved_at >= PAUSE) this.#save([]);
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  #save(levels: [string, number][]): void {
    const counts = this.#counts;
    this.#counts = new Map();
    this.#saved_at = Date.now();
    const saved = this.#record.save([...counts], levels).catch((error: unknown) => {
      for (const [name, count] of counts) this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
      console.warn({ message: "counts of the object store were not saved", error: String(error).slice(0, 200) });
    });
    waitUntil(saved);
  }

  /** Whether another isolate has found the store failing: then this one need not find out for itself. */
  async #look(guarded: Guarded): Promise<void> {
    const open = await this.#record.level(openName(guarded)).catch(() => null);
    if (open?.value === 1 && Date.now() - open.at < FRESH) this.#trip(guarded);
  }
}
