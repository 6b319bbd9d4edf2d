import type { TenantId } from "../../core/protocol/ids.ts";

const PREFIX = "erased/";
const nameOf = (tenant_id: TenantId): string => PREFIX + String(tenant_id).padStart(10, "0");

/** Numbers of tenants that were erased, outside of all databases: objects without bytes. docs/spec/durability.md, BK17. */
export class R2Tombstones {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  /** A repeat leaves the first one. */
  async add(tenant_id: TenantId): Promise<void> {
    await this.#bucket.put(nameOf(tenant_id), new Uint8Array(), { onlyIf: { etagDoesNotMatch: "*" } });
  }

  /** @returns when each was erased, milliseconds since the epoch */
  async all(): Promise<Map<TenantId, number>> {
    const found = new Map<TenantId, number>();
    let cursor: string | undefined;
    do {
      const page: R2Objects = await this.#bucket.list({ prefix: PREFIX, cursor });
      for (const { key, uploaded } of page.objects) found.set(Number(key.slice(PREFIX.length)), uploaded.getTime());
      cursor = page.truncated ? page.cursor : undefined;
    } while (cursor !== undefined);
    return found;
  }

  async forget(tenant_ids: readonly TenantId[]): Promise<void> {
    for (let at = 0; at < tenant_ids.length; at += 1_000)
      await this.#bucket.delete(tenant_ids.slice(at, at + 1_000).map(nameOf));
  }
}
