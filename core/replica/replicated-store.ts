/**
 * One object store of two: the primary, and a replica that serves where the primary fails. docs/spec/replica.md, RP2 to RP8.
 *
 *   read   primary, else replica              breaker `reads` open: replica, else primary
 *   put    primary three times, else replica  breaker `writes` open: replica
 *   parts  where their upload began
 */
import { orUnavailable } from "../storage/deadline.ts";
import { type ObjectMetadata, type ObjectStore, type StoredObject, StoreRefused } from "../storage/ports.ts";
import { ATTEMPTS, Patience, retried } from "./attempts.ts";
import { Breaker, type Permit } from "./breaker.ts";
import { isKeptOnce, UNHEALED, unhealedKey } from "./keys.ts";
import type { Clock, Guarded, ReplicaWatch } from "./ports.ts";

/** Milliseconds for a read of the primary before the replica is asked; a probe has less, for somebody waits for it. */
const READ_PATIENCE = 5_000;
const PROBE_PATIENCE = 1_000;

/** Begins the id of a multipart upload of the replica. */
const IN_REPLICA = "replica:";

/** A mark is its name. */
const MARK = new Uint8Array();

export interface ReplicaDeps {
  primary: ObjectStore;
  replica: ObjectStore;
  clock: Clock;
  watch: ReplicaWatch;
}

/** One read of one store. @param most milliseconds */
type Read = (store: ObjectStore, most?: number) => Promise<StoredObject | null>;

type Answer = { found: StoredObject | null } | { error: unknown };

async function answerOf(asked: Promise<StoredObject | null>): Promise<Answer> {
  try {
    return { found: await asked };
  } catch (error) {
    return { error };
  }
}

export class ReplicatedStore implements ObjectStore {
  readonly #primary: ObjectStore;
  readonly #replica: ObjectStore;
  readonly #clock: Clock;
  readonly #watch: ReplicaWatch;
  readonly breakers: Readonly<Record<Guarded, Breaker>>;

  constructor({ primary, replica, clock, watch }: ReplicaDeps) {
    this.#primary = primary;
    this.#replica = replica;
    this.#clock = clock;
    this.#watch = watch;
    const breakerOf = (guarded: Guarded): Breaker =>
      new Breaker(
        () => clock.now(),
        (from, to) => watch.moved(guarded, from, to),
      );
    this.breakers = { reads: breakerOf("reads"), writes: breakerOf("writes") };
  }

  get(key: string, offset: number, length: number): Promise<StoredObject | null> {
    const patience = new Patience(this.#clock);
    const read: Read = (store, most) => patience.bound(() => store.get(key, offset, length), most);
    const once = (): Promise<StoredObject | null> => (isKeptOnce(key) ? read(this.#primary) : this.#readEither(read));
    return orUnavailable(retried(patience, once));
  }

  /** Null only when both say so: what the primary has not may wait in the replica to be healed. */
  async #readEither(read: Read): Promise<StoredObject | null> {
    const permit = this.breakers.reads.admit();
    let primary = permit === null ? null : await this.#readPrimary(permit, read);
    if (primary !== null && "found" in primary && primary.found !== null) return primary.found;
    const replica = await answerOf(read(this.#replica));
    if ("found" in replica && replica.found !== null) {
      this.#watch.fellBack("reads");
      return replica.found;
    }
    // What is not copied yet only the primary has, however it fares.
    primary ??= await answerOf(read(this.#primary, READ_PATIENCE));
    if ("error" in primary) throw primary.error;
    if (primary.found === null && "error" in replica) throw replica.error;
    return primary.found;
  }

  async #readPrimary(permit: Permit, read: Read): Promise<Answer> {
    const answer = await answerOf(read(this.#primary, permit.is_probe ? PROBE_PATIENCE : READ_PATIENCE));
    if ("error" in answer) this.#fail("reads", permit, answer.error);
    else this.breakers.reads.succeeded(permit);
    return answer;
  }

  put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    const patience = new Patience(this.#clock);
    const into = (store: ObjectStore) => (): Promise<void> => store.put(key, body, metadata);
    const once = (store: ObjectStore): Promise<void> => retried(patience, () => patience.bound(into(store)));
    const either = async (): Promise<void> => {
      if (isKeptOnce(key)) return once(this.#primary);
      if ((await this.#inPrimary(patience, true, into(this.#primary))) !== null) return;
      await this.#mark(patience, key);
      await once(this.#replica);
      this.#watch.fellBack("writes");
    };
    return orUnavailable(either());
  }

  createMultipart(key: string, metadata: ObjectMetadata): Promise<string> {
    const patience = new Patience(this.#clock);
    const begin = (store: ObjectStore) => (): Promise<string> => store.createMultipart(key, metadata);
    const either = async (): Promise<string> => {
      const begun = await this.#inPrimary(patience, false, begin(this.#primary));
      if (begun !== null) return begun.value;
      const id = await retried(patience, () => patience.bound(begin(this.#replica)));
      this.#watch.fellBack("writes");
      return `${IN_REPLICA}${id}`;
    };
    return orUnavailable(either());
  }

  uploadPart(key: string, multipart: string, part: number, body: Uint8Array): Promise<string> {
    const patience = new Patience(this.#clock);
    return this.#inItsStore(patience, multipart, true, (store, id) => store.uploadPart(key, id, part, body));
  }

  completeMultipart(key: string, multipart: string, parts: { part: number; etag: string }[]): Promise<void> {
    const patience = new Patience(this.#clock);
    const complete = async (store: ObjectStore, id: string): Promise<void> => {
      if (store === this.#replica) await this.#mark(patience, key);
      // An answer that was lost is found by the next attempt (S4).
      await store.completeMultipart(key, id, parts);
    };
    return this.#inItsStore(patience, multipart, false, complete);
  }

  abortMultipart(key: string, multipart: string): Promise<void> {
    const patience = new Patience(this.#clock);
    return this.#inItsStore(patience, multipart, false, (store, id) => store.abortMultipart(key, id));
  }

  /**
   * Primary, replica, and the primary again: so neither a copy nor a healing that is under way brings back what is
   * deleted (RP10).
   */
  delete(keys: string[]): Promise<void> {
    const patience = new Patience(this.#clock);
    const twice = keys.filter((key) => !isKeptOnce(key));
    const from = (store: ObjectStore, some: string[]): Promise<void> => patience.bound(() => store.delete(some));
    const both = async (): Promise<void> => {
      await from(this.#primary, keys);
      if (twice.length === 0) return;
      await from(this.#replica, [...twice, ...twice.map(unhealedKey)]);
      await from(this.#primary, twice);
    };
    return orUnavailable(both());
  }

  list(prefix: string): Promise<string[]> {
    const patience = new Patience(this.#clock);
    const of = (store: ObjectStore): Promise<string[]> =>
      retried(patience, () => patience.bound(() => store.list(prefix)));
    const both = async (): Promise<string[]> => {
      const keys = [...(await of(this.#primary)), ...(await of(this.#replica))];
      return [...new Set(keys)].filter((key) => !key.startsWith(UNHEALED));
    };
    return orUnavailable(both());
  }

  /** Null when the primary failed or is left alone: nothing may count on what it has of it. */
  async #inPrimary<T>(patience: Patience, moves: boolean, work: () => Promise<T>): Promise<{ value: T } | null> {
    for (let attempt = 0; attempt < ATTEMPTS && (await patience.pause(attempt)); attempt++) {
      const permit = moves ? this.breakers.writes.admit() : this.#unlessOpened();
      if (permit === null) return null;
      try {
        return { value: await this.#counted(permit, moves, patience.bound(work)) };
      } catch (error) {
        if (error instanceof StoreRefused) throw error;
      }
    }
    return null;
  }

  /** Parts cannot move: while their store fails, the client sends again what was not acknowledged. */
  #inItsStore<T>(
    patience: Patience,
    multipart: string,
    moves: boolean,
    work: (store: ObjectStore, id: string) => Promise<T>,
  ): Promise<T> {
    const inPrimary = (): Promise<T> => {
      const permit = this.#unlessOpened();
      const asked = patience.bound(() => work(this.#primary, multipart));
      return permit === null ? asked : this.#counted(permit, moves, asked);
    };
    const inReplica = (): Promise<T> => patience.bound(() => work(this.#replica, multipart.slice(IN_REPLICA.length)));
    return orUnavailable(retried(patience, multipart.startsWith(IN_REPLICA) ? inReplica : inPrimary));
  }

  /** An upload in parts is no probe: if it fails it does so before its sender's eyes. */
  #unlessOpened(): Permit | null {
    const { writes } = this.breakers;
    return writes.state === "closed" ? writes.admit() : null;
  }

  /** Before the object: a mark without one is dropped by the healing, an object without a mark would not be found. */
  async #mark(patience: Patience, key: string): Promise<void> {
    await retried(patience, () => patience.bound(() => this.#replica.put(unhealedKey(key), MARK, {})));
  }

  /** @param moves whether bytes move: a store that takes only their names does not work again. */
  async #counted<T>(permit: Permit, moves: boolean, asked: Promise<T>): Promise<T> {
    try {
      const value = await asked;
      if (moves) this.breakers.writes.succeeded(permit);
      return value;
    } catch (error) {
      if (!(error instanceof StoreRefused)) this.#fail("writes", permit, error);
      throw error;
    }
  }

  #fail(guarded: Guarded, permit: Permit, error: unknown): void {
    this.breakers[guarded].failed(permit);
    this.#watch.failed(guarded, error);
  }
}
