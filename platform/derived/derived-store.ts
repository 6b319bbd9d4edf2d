/** Pictures made from contents, in R2 `DERIVED`. All of it can be made again. docs/spec/previews.md, P6 and P7. */
import { type PreviewSize, SIZE_NAMES } from "../../core/previews/rules.ts";
import type { TenantId } from "../../core/protocol/ids.ts";

/** Why there is a content without pictures: so that nobody waits for one. */
const NONE = "none";

export class DerivedStore {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  #key(tenant: TenantId, content_id: string, name: string): string {
    return `${tenant}/${content_id}/${name}`;
  }

  #picture(tenant: TenantId, content_id: string, size: PreviewSize): string {
    return this.#key(tenant, content_id, `${size}.webp`);
  }

  /** Made once for equal contents; the small one is written last and so stands for all. */
  async isMade(tenant: TenantId, content_id: string): Promise<boolean> {
    return (await this.#bucket.head(this.#picture(tenant, content_id, "s"))) !== null;
  }

  async put(tenant: TenantId, content_id: string, pictures: Record<PreviewSize, Uint8Array>): Promise<void> {
    for (const size of SIZE_NAMES.toReversed())
      await this.#bucket.put(this.#picture(tenant, content_id, size), pictures[size], {
        httpMetadata: { contentType: "image/webp" },
      });
  }

  async putNone(tenant: TenantId, content_id: string): Promise<void> {
    await this.#bucket.put(this.#key(tenant, content_id, NONE), new Uint8Array());
  }

  /** For contents that are gone. */
  async forget(tenant: TenantId, content_ids: readonly string[]): Promise<void> {
    const keys = content_ids.flatMap((content_id) => [
      ...SIZE_NAMES.map((size) => this.#picture(tenant, content_id, size)),
      this.#key(tenant, content_id, NONE),
    ]);
    // R2 takes 1,000 keys a call.
    for (let at = 0; at < keys.length; at += 1_000) await this.#bucket.delete(keys.slice(at, at + 1_000));
  }

  /** For a tenant that is gone. */
  async forgetTenant(tenant: TenantId): Promise<void> {
    for (;;) {
      const { objects } = await this.#bucket.list({ prefix: `${tenant}/` });
      if (objects.length === 0) return;
      await this.#bucket.delete(objects.map(({ key }) => key));
    }
  }

  async get(tenant: TenantId, content_id: string, size: PreviewSize): Promise<R2ObjectBody | null> {
    return this.#bucket.get(this.#picture(tenant, content_id, size));
  }

  async hasNone(tenant: TenantId, content_id: string): Promise<boolean> {
    return (await this.#bucket.head(this.#key(tenant, content_id, NONE))) !== null;
  }
}
