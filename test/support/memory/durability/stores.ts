/** The stores as one process sees them: each call waits for the process's turn. Mutations take rules away. */
import type {
  GarbagePolicy,
  GarbageStore,
  JudgedPack,
  MarkedContent,
  Verdict,
} from "../../../../core/garbage/ports.ts";
import type { CompactionStore } from "../../../../core/compaction/ports.ts";
import { parseText } from "../../../../core/manifests/root.ts";
import { packKey } from "../../../../core/packs/format.ts";
import type { UploadRow } from "../../../../core/uploads/model.ts";
import { MemoryArchive } from "../archive-bucket.ts";
import type { MemoryCompactionStore } from "../compaction-store.ts";
import { TENANT } from "../drive.ts";
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
  /** The tenant's own, which jobs read and delete in as well (TI20). */
  readonly archive = new MemoryArchive();

  at(key: string, offset: number, length: number): StoredObject | null {
    const object = this.all.get(key) ?? this.archive.objects.get(key);
    if (object === undefined || offset >= object.bytes.length) return null;
    return { ...object, bytes: object.bytes.slice(offset, offset + length) };
  }

  seenBy(turn: Turn, mutation: Mutation | null): ObjectStore {
    const { all } = this;
    const never = (): never => {
      throw new Error("not used");
    };
    return {
      put: async (key: string, body: Uint8Array, metadata: ObjectMetadata) => {
        await turn();
        const isState = key.startsWith("garbage/");
        const loses = mutation === "notes" && isState;
        // Who puts a state does not use its bytes any more; those of packs are written again and again.
        const bytes = isState ? (body as Uint8Array<ArrayBuffer>) : Uint8Array.from(body);
        all.set(key, { bytes: loses ? new Uint8Array(body.length) : bytes, metadata });
      },
      get: async (key: string, offset: number, length: number) => {
        await turn();
        return this.at(key, offset, length);
      },
      delete: async (keys: string[]) => {
        await turn("delete");
        for (const key of keys) all.delete(key);
        await turn("delete archived");
        if (mutation !== "archive_kept") await this.archive.delete(keys);
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

/** The platform has ended a process that took too long. */
export class Ended extends Error {}

/** @param isLate whether what was decided with this time comes too late to be done */
export function compactionSeenBy(
  store: MemoryCompactionStore,
  turn: Turn,
  mutation: Mutation | null,
  isLate: (now: number) => boolean,
  objects: Objects,
  isArchived: (pack_id: string) => boolean,
): CompactionStore {
  return {
    policy: async () => {
      await turn();
      return store.policy();
    },
    candidates: async (...args) => {
      await turn("candidates");
      const { packs, last } = await store.candidates(...args);
      return { packs: packs.filter(({ pack_id }) => !isArchived(pack_id)), last };
    },
    stage: async (row) => {
      await turn("stage");
      if (mutation !== "unstaged") return store.stage(row);
    },
    exchange: async (upload_id, fresh, contents, now) => {
      await turn("exchange");
      if (isLate(now)) throw new Ended();
      const { drive } = store;
      if (mutation === "unstaged")
        drive.interfere(({ uploads }) => uploads.set(upload_id, { upload_id, expires_at: Infinity } as UploadRow));
      const asked = mutation === "unasserted" ? contents.map((content) => ({ ...content, packs: [] })) : contents;
      const swapped = await store.exchange(upload_id, fresh, asked, now);
      if (mutation === "unstaged") drive.interfere(({ uploads }) => uploads.delete(upload_id));
      if (mutation === "at_once")
        for (const { from } of contents)
          for (const pack_id of (await parseText(from)).packs)
            if (!contents.some(({ packs }) => packs.includes(pack_id))) objects.all.delete(packKey(TENANT, pack_id));
      return swapped;
    },
    settle: async (...args) => {
      await turn();
      return store.settle(...args);
    },
  };
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

  /** Packs of letters are short. */
  override compacted_min = 0;

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

  #noted(ids: readonly string[]): readonly string[] {
    const { packs } = this.#drive.state;
    return this.#mutation === "grace_kept" ? ids.filter((id) => packs.get(id)?.state !== "condemned") : ids;
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
      note: (round, ids, now) => after("note", () => this.note(round, this.#noted(ids), now)),
      drop: (round, ids) => after("drop", () => this.drop(round, ids)),
      dropHooks: (round, id) => after("dropHooks", () => this.dropHooks(round, id)),
      packs: (id) => after("packs", () => this.packs(id)),
      judge: (round, verdict, now) => after("judge", () => this.judge(round, verdict, now)),
    };
  }
}
