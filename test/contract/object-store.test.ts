import { env } from "cloudflare:workers";
import { R2ObjectStore } from "../../platform/r2/object-store.ts";
import { MemoryObjectStore } from "../support/memory/object-store.ts";
import { objectStoreContract } from "./object-store.ts";

objectStoreContract("R2", () => new R2ObjectStore((env as unknown as { BLOBS: R2Bucket }).BLOBS));
objectStoreContract("memory", () => new MemoryObjectStore());
