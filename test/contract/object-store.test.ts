import { env } from "cloudflare:workers";
import { R2ObjectStore } from "../../platform/r2/object-store.ts";
import { MemoryObjectStore } from "../support/memory/object-store.ts";
import { ReplicatedStore } from "../../core/replica/replicated-store.ts";
import { FailingObjects } from "../support/memory/failing-objects.ts";
import { objectStoreContract } from "./object-store.ts";

const { BLOBS, BLOBS_REPLICA } = env as unknown as Record<"BLOBS" | "BLOBS_REPLICA", R2Bucket>;
const clock = { now: () => Date.now(), sleep: async () => undefined };
const watch = { moved: () => undefined, failed: () => undefined, fellBack: () => undefined };

/** Over a primary that takes no writes, when it `fails`. */
function composed(fails: boolean): ReplicatedStore {
  const primary = new FailingObjects(new R2ObjectStore(BLOBS));
  if (fails) primary.rule = (method) => (["get", "delete", "list"].includes(method) ? "none" : "fail");
  return new ReplicatedStore({ primary: primary.store, replica: new R2ObjectStore(BLOBS_REPLICA), clock, watch });
}

objectStoreContract("R2", () => new R2ObjectStore(BLOBS));
objectStoreContract("memory", () => new MemoryObjectStore());
objectStoreContract("primary and replica", () => composed(false));
objectStoreContract("the replica, while the primary takes no writes", () => composed(true));
