import type { KeyCopies, TenantKeyPlace, TenantKeyRow } from "../../core/keys/ports.ts";
import type { TenantId } from "../../core/protocol/ids.ts";
import { unhealedKey } from "../../core/replica/keys.ts";
import { damaged } from "../../core/storage/damage.ts";

const PREFIX = "keys/";

/** R2 lists names as texts: with digits before, that is the order of the numbers. */
const prefixOf = (tenant_id: TenantId): string => `${PREFIX}${String(tenant_id).padStart(10, "0")}/`;
const nameOf = ({ tenant_id, version }: TenantKeyPlace): string =>
  `${prefixOf(tenant_id)}${String(version).padStart(6, "0")}`;

function rowOf({ key, customMetadata = {} }: R2Object): TenantKeyRow {
  const [, tenant_id, version] = key.split("/");
  const { master_version, wrapped_key, created_at } = customMetadata;
  if (master_version === undefined || wrapped_key === undefined) throw damaged("the copy of a key says nothing");
  return {
    tenant_id: Number(tenant_id),
    version: Number(version),
    master_version,
    wrapped_key,
    created_at: Number(created_at),
  };
}

/** All of a row is in the metadata of an object without bytes: so a list reads a thousand of them. */
export class R2KeyCopies implements KeyCopies {
  readonly #bucket: R2Bucket;
  readonly #isReplica: boolean;

  /** @param isReplica what is written there waits to be healed: docs/spec/replica.md, RP6 */
  constructor(bucket: R2Bucket, isReplica = false) {
    this.#bucket = bucket;
    this.#isReplica = isReplica;
  }

  async create(row: TenantKeyRow): Promise<TenantKeyRow> {
    // A copy of the primary's is not to be healed: the primary's may be a later one.
    const there = this.#isReplica ? await this.find(row) : null;
    if (there !== null) return there;
    if (await this.#put(row, { onlyIf: { etagDoesNotMatch: "*" } })) return row;
    // Deleted between: then it is the first again.
    return (await this.find(row)) ?? this.create(row);
  }

  async put(row: TenantKeyRow): Promise<void> {
    await this.#put(row);
  }

  async #put(row: TenantKeyRow, options: R2PutOptions = {}): Promise<boolean> {
    const { master_version, wrapped_key, created_at } = row;
    if (this.#isReplica) await this.#bucket.put(unhealedKey(nameOf(row)), new Uint8Array());
    const customMetadata = { master_version, wrapped_key, created_at: String(created_at) };
    return (await this.#bucket.put(nameOf(row), new Uint8Array(), { ...options, customMetadata })) !== null;
  }

  async find(place: TenantKeyPlace): Promise<TenantKeyRow | null> {
    const object = await this.#bucket.head(nameOf(place));
    return object === null ? null : rowOf(object);
  }

  async page(after: TenantKeyPlace | null): Promise<TenantKeyRow[]> {
    const startAfter = after === null ? PREFIX : nameOf(after);
    const { objects } = await this.#bucket.list({ prefix: PREFIX, startAfter, include: ["customMetadata"] });
    return objects.map(rowOf);
  }

  async forget(tenant_id: TenantId): Promise<void> {
    const { objects } = await this.#bucket.list({ prefix: prefixOf(tenant_id) });
    const keys = objects.map(({ key }) => key);
    if (keys.length > 0) await this.#bucket.delete([...keys, ...(this.#isReplica ? keys.map(unhealedKey) : [])]);
  }
}
