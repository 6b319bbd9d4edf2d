/**
 * From a token to what it leads to, kept for `RESOLUTION_TTL` at most. What is read below a link is kept under a random
 * `key` of that reading, so dropping the link's one entry drops all of it. docs/spec/links.md, L4, L5.
 */
import { z } from "zod";
import { shareTokenSchema, tenantOfShareToken } from "../../core/protocol/ids.ts";
import {
  isGuarded,
  keptUntil,
  linkSchema,
  requireOpen,
  type SharedFile,
  sharedFileSchema,
} from "../../core/sharing/links.ts";
import type { CacheKey } from "../../platform/cache/edge-cache.ts";
import { D1LinksStore, type SharedFolder, sharedFolderSchema } from "../../platform/d1/shard/links-store.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import type { Deps } from "./deps.ts";

const resolutionSchema = z.object({
  link: linkSchema,
  /** Milliseconds since the epoch: nothing that rests on this reading may be believed from here on. */
  until: z.number(),
  key: z.uuid(),
});
export type Resolution = z.infer<typeof resolutionSchema>;

const entryOf = (token: string): CacheKey => ["link", token];
const below = <T extends z.ZodType>(value: T) => z.object({ value, until: z.number() });
const keptFileSchema = below(sharedFileSchema);
const keptFolderSchema = below(sharedFolderSchema);

export class Resolver {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Throws `not_found`, `link_revoked` or `link_expired`. */
  async open(token: string): Promise<Resolution> {
    const now = this.#deps.now();
    // First of all: what is no token names no entry of any cache.
    const resolution = shareTokenSchema.safeParse(token).success
      ? ((await this.#keptLink(token)) ?? (await this.#read(token)))
      : null;
    requireOpen(resolution?.link ?? null, now);
    return resolution as Resolution;
  }

  /** Throws `not_found` for what does not lie inside the share. */
  async file({ link, ...kept }: Resolution, file_id: string): Promise<SharedFile> {
    if (file_id === link.file.file_id) return link.file;
    const name = ["file", file_id];
    return this.#below({ link, ...kept }, name, keptFileSchema, (store) => store.file(link.permission_id, file_id));
  }

  folder(resolution: Resolution, folder_id: string, after: string, limit: number): Promise<SharedFolder> {
    // The cursor is a name, which may be "." or nothing at all: never a step by itself.
    const name = ["folder", folder_id, String(limit), `after ${after}`];
    return this.#below(resolution, name, keptFolderSchema, (store) =>
      store.folder(resolution.link, folder_id, after, limit),
    );
  }

  async forget(token: string): Promise<void> {
    await this.#deps.cache.delete(entryOf(token));
  }

  async #read(token: string): Promise<Resolution | null> {
    const read_at = this.#deps.now();
    const store = await this.#store(tenantOfShareToken(token));
    const link = (await store?.find(token)) ?? null;
    if (link === null) return null;
    const resolution = { link, until: keptUntil(link, read_at), key: crypto.randomUUID() };
    if (!isGuarded(link)) await this.#keep(entryOf(token), resolution);
    return resolution;
  }

  async #store(tenant: number): Promise<D1LinksStore | null> {
    const place = await this.#deps.shards.find(tenant);
    return place === null || place.state !== "active" ? null : new D1LinksStore(place.db, tenant);
  }

  async #below<T extends object>(
    resolution: Resolution,
    name: CacheKey,
    schema: z.ZodType<{ value: T; until: number }>,
    read: (store: D1LinksStore) => Promise<T>,
  ): Promise<T> {
    const entry = [...entryOf(resolution.link.token), resolution.key, ...name];
    const kept = await this.#kept(entry, schema);
    if (kept !== null) return kept.value;
    const store = await this.#store(resolution.link.tenant_id);
    if (store === null) throw new DriveError("not_found", "There is no such link.");
    const value = await read(store);
    if (!isGuarded(resolution.link)) await this.#keep(entry, { value, until: resolution.until });
    return value;
  }

  async #keptLink(token: string): Promise<Resolution | null> {
    const kept = await this.#kept(entryOf(token), resolutionSchema);
    return kept?.link.token === token ? kept : null;
  }

  /** What is not of its kind is a miss. The cache's own clock and ours may differ; ours decides. */
  async #kept<T extends { until: number }>(entry: CacheKey, schema: z.ZodType<T>): Promise<T | null> {
    const response = await this.#deps.cache.match(entry);
    if (response === null) return null;
    const kept = schema.safeParse(await response.json().catch(() => null));
    return kept.success && kept.data.until > this.#deps.now() ? kept.data : null;
  }

  /** Awaited: it is small, and a purge that comes next must find it. */
  #keep<T extends { until: number }>(entry: CacheKey, value: T): Promise<void> {
    const seconds = Math.floor((value.until - this.#deps.now()) / 1000);
    if (seconds < 1) return Promise.resolve();
    return this.#deps.cache.put(entry, Response.json(value, { headers: { "cache-control": `max-age=${seconds}` } }));
  }
}
