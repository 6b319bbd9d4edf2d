import type { MasterChecks } from "../../core/keys/ports.ts";
import { unhealedKey } from "../../core/replica/keys.ts";

const PREFIX = "masters/";

interface Kept {
  key: string;
  uploaded: Date;
  customMetadata?: Record<string, string>;
}

/** The parts of R2 that are needed here; Miniflare's and the platform's types differ in the rest. */
export interface CheckBucket {
  head(key: string): Promise<Kept | null>;
  put(
    key: string,
    body: Uint8Array,
    options: { customMetadata: Record<string, string>; onlyIf?: { etagDoesNotMatch: string } },
  ): Promise<unknown>;
  list(options: { prefix: string; include: ["customMetadata"] }): Promise<{ objects: Kept[] }>;
  delete(key: string): Promise<void>;
}

/** An object without bytes for each master key; what is kept is in its metadata. */
export class R2MasterChecks implements MasterChecks {
  readonly #bucket: CheckBucket;
  readonly #isReplica: boolean;

  /** @param isReplica what is written there waits to be healed: docs/spec/replica.md, RP6 */
  constructor(bucket: CheckBucket, isReplica = false) {
    this.#bucket = bucket;
    this.#isReplica = isReplica;
  }

  async create(version: string, sealed: string): Promise<string> {
    const kept = (await this.#bucket.head(PREFIX + version))?.customMetadata?.sealed;
    if (kept !== undefined) return kept;
    if (this.#isReplica)
      await this.#bucket.put(unhealedKey(PREFIX + version), new Uint8Array(), { customMetadata: {} });
    const options = { customMetadata: { sealed }, onlyIf: { etagDoesNotMatch: "*" } };
    const put = await this.#bucket.put(PREFIX + version, new Uint8Array(), options);
    // Another was quicker.
    return put === null ? this.create(version, sealed) : sealed;
  }

  async all(): Promise<Map<string, { sealed: string; since: number }>> {
    const { objects } = await this.#bucket.list({ prefix: PREFIX, include: ["customMetadata"] });
    return new Map(
      objects.map(({ key, customMetadata, uploaded }) => [
        key.slice(PREFIX.length),
        { sealed: customMetadata?.sealed ?? "", since: uploaded.getTime() },
      ]),
    );
  }

  async forget(version: string): Promise<void> {
    await this.#bucket.delete(PREFIX + version);
    if (this.#isReplica) await this.#bucket.delete(unhealedKey(PREFIX + version));
  }
}
