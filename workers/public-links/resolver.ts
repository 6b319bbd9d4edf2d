/**
 * From a token to what it leads to, kept for `RESOLUTION_TTL` at most. What is read below a link is kept under a random
 * `key` of that reading, so dropping the link's one entry drops all of it. docs/spec/links.md, L4, L5.
 */
import { shareTokenSchema, tenantOfShareToken } from "../../core/protocol/ids.ts";
import { isGuarded, keptUntil, type Link, requireOpen, type SharedFile } from "../../core/sharing/links.ts";
import { D1LinksStore, type SharedFolder } from "../../platform/d1/shard/links-store.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import type { Deps } from "./deps.ts";

export interface Resolution {
  link: Link;
  /** Milliseconds since the epoch: nothing that rests on this reading may be believed from here on. */
  until: number;
  key: string;
}

const entryOf = (token: string): string => `link/${token}`;

export class Resolver {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Throws `not_found`, `link_revoked` or `link_expired`. */
  async open(token: string): Promise<Resolution> {
    const now = this.#deps.now();
    const resolution = (await this.#kept<Resolution>(entryOf(token))) ?? (await this.#read(token));
    requireOpen(resolution?.link ?? null, now);
    return resolution as Resolution;
  }

  /** Throws `not_found` for what does not lie inside the share. */
  async file({ link, ...kept }: Resolution, file_id: string): Promise<SharedFile> {
    if (file_id === link.file.file_id) return link.file;
    return this.#below({ link, ...kept }, `file/${file_id}`, (store) => store.file(link.permission_id, file_id));
  }

  folder(resolution: Resolution, folder_id: string, after: string, limit: number): Promise<SharedFolder> {
    const name = `folder/${folder_id}/${limit}/${encodeURIComponent(after)}`;
    return this.#below(resolution, name, (store) => store.folder(resolution.link, folder_id, after, limit));
  }

  async forget(token: string): Promise<void> {
    await this.#deps.cache.delete(entryOf(token));
  }

  async #read(token: string): Promise<Resolution | null> {
    const read_at = this.#deps.now();
    if (!shareTokenSchema.safeParse(token).success) return null;
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
    name: string,
    read: (store: D1LinksStore) => Promise<T>,
  ): Promise<T> {
    const entry = `link/${resolution.link.token}/${resolution.key}/${name}`;
    const kept = await this.#kept<{ value: T; until: number }>(entry);
    if (kept !== null) return kept.value;
    const store = await this.#store(resolution.link.tenant_id);
    if (store === null) throw new DriveError("not_found", "There is no such link.");
    const value = await read(store);
    if (!isGuarded(resolution.link)) await this.#keep(entry, { value, until: resolution.until });
    return value;
  }

  /** The cache's own clock and ours may differ; ours decides. */
  async #kept<T extends { until: number }>(entry: string): Promise<T | null> {
    const response = await this.#deps.cache.match(entry);
    if (response === null) return null;
    const value = await response.json<T>();
    return value.until > this.#deps.now() ? value : null;
  }

  /** Awaited: it is small, and a purge that comes next must find it. */
  #keep<T extends { until: number }>(entry: string, value: T): Promise<void> {
    const seconds = Math.floor((value.until - this.#deps.now()) / 1000);
    if (seconds < 1) return Promise.resolve();
    return this.#deps.cache.put(entry, Response.json(value, { headers: { "cache-control": `max-age=${seconds}` } }));
  }
}
