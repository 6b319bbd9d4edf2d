/** The stores as one process sees them: each call waits for the process's turn. Mutations take rules away. */
import type {
  GarbagePolicy,
  GarbageStore,
  JudgedPack,
  MarkedContent,
  Verdict,
} from "../../../../core/garbage/ports.ts";
import type { ObjectMetadata, ObjectStore, StoredObject } from "../../../../core/storage/ports.ts";
import type { DriveStore } from "../../../../core/sync/ports.ts";
import type { ExpiryStore } from "../../../../core/uploads/expire.ts";
import type { MemoryDriveStore } from "../drive-store.ts";
import { MemoryGarbageStore } from "../garbage-store.ts";
import type { MemoryUploadStore } from "../upload-store.ts";
import type { Actor } from "./actors.ts";
import type { Mutation } from "./mutations.ts";

type Turn = Actor["turn"];

/** Objects written whole, as packs and the states of rounds are; who puts one does not use its bytes any more. */
export class Objects {
  readonly all = new Map<string, StoredObject>();

  seenBy(turn: Turn, mutation: Mutation | null): ObjectStore {
    const { all } = this;
    const never = (): never => {
      throw new Error("not used");
    };
    return {
      put: async (key: string, body: Uint8Array, metadata: ObjectMetadata) => {
        await turn();
        const loses = mutation === "notes" && key.startsWith("garbage/");
        all.set(key, { bytes: loses ? new Uint8Array(body.length) : (body as Uint8Array<ArrayBuffer>), metadata });
      },
      get: async (key: string) => {
        await turn();
        const object = all.get(key);
        return object === undefined ? null : { ...object, bytes: object.bytes.slice() };
      },
      delete: async (keys: string[]) => {
        await turn("delete");
        for (const key of keys) all.delete(key);
      },
      list: async (prefix: string) => {
        await turn();
        return [...all.keys()].filter((key) => key.startsWith(prefix));
      },
      createMultipart: never,
      uploadPart: never,
      completeMultipart: never,
      abortMultipart: never,
    };
  }
}

export const driveSeenBy = (store: DriveStore, turn: Turn, mutation: Mutation | null): DriveStore => ({
  load: async (needs) => {
    await turn();
    const found = await store.load(needs);
    if (mutation !== "borrow" || found === null) return found;
    const packs = [...needs.pack_ids].map((pack_id) => ({ pack_id, state: "live" as const }));
    return { ...found, packs };
  },
  commit: async (writes) => {
    await turn("commit");
    if (mutation === "borrow") return store.commit({ ...writes, borrowed: [] });
    if (mutation !== "home") return store.commit(writes);
    const versions = writes.versions.map((version) => ({ ...version, is_shared: false }));
    return store.commit({ ...writes, versions });
  },
});

export const expirySeenBy = (store: MemoryUploadStore, turn: Turn, mutation: Mutation | null): ExpiryStore => ({
  expired: async (...args) => {
    await turn();
    return store.expired(...args);
  },
  abandon: async (key) => {
    await turn();
    return store.abandon(key);
  },
  takenPacks: async (key) => {
    await turn();
    if (mutation === "expiry") await store.forget(key);
    return store.takenPacks(key);
  },
  forget: async (key) => {
    await turn();
    return store.forget(key);
  },
});

/** Shared by all rounds of a tenant; `seenBy` is one process's view. */
export class Garbage extends MemoryGarbageStore {
  readonly #drive: MemoryDriveStore;
  readonly #mutation: Mutation | null;

  constructor(drive: MemoryDriveStore, page: number, mutation: Mutation | null) {
    super(drive, page);
    this.#drive = drive;
    this.#mutation = mutation;
  }

  override async policy(): Promise<GarbagePolicy | null> {
    const policy = await super.policy();
    return this.#mutation === "grace" && policy !== null ? { ...policy, grace_days: 0 } : policy;
  }

  override async contents(after: string): Promise<MarkedContent[]> {
    return this.#mutation === "order" ? [] : super.contents(after);
  }

  override async packs(after: string): Promise<JudgedPack[]> {
    const page = await super.packs(after);
    if (this.#mutation === "own_round") return page.map((pack) => ({ ...pack, round: "another" }));
    // Seen as live ones that nobody asks about.
    if (this.#mutation === "tombstone")
      return page.map((pack) => (pack.state === "deleted" ? { ...pack, state: "live", changed_at: Infinity } : pack));
    return page;
  }

  override async judge(round: string, verdict: Verdict, now: number): Promise<string[]> {
    const newest = this.round;
    if (this.#mutation === "newest") this.round = round;
    try {
      if (this.#mutation === "own_round")
        this.#drive.interfere(({ packs }) => {
          for (const id of verdict.deleted) packs.set(id, { ...packs.get(id)!, round: "another" });
        });
      const deleted = await super.judge(round, verdict, now);
      if (this.#mutation !== "second_look") return deleted;
      this.#drive.interfere(({ packs }) => {
        for (const id of verdict.condemned) packs.set(id, { ...packs.get(id)!, state: "deleted", changed_at: now });
      });
      return [...deleted, ...verdict.condemned];
    } finally {
      this.round = newest;
    }
  }

  seenBy(turn: Turn): GarbageStore {
    const after = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
      await turn(name);
      return call();
    };
    return {
      policy: () => after("policy", () => this.policy()),
      begin: (round) => after("begin", () => this.begin(round)),
      contents: (id) => after("contents", () => this.contents(id)),
      drop: (round, ids) => after("drop", () => this.drop(round, ids)),
      dropHooks: (round, id) => after("dropHooks", () => this.dropHooks(round, id)),
      packs: (id) => after("packs", () => this.packs(id)),
      judge: (round, verdict, now) => after("judge", () => this.judge(round, verdict, now)),
    };
  }
}
