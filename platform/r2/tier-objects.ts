import { bytesToHex } from "@noble/hashes/utils.js";
import type { ObjectStore } from "../../core/storage/ports.ts";
import type { ArchiveBucket, StorageClass, TierObjects } from "../../core/tiers/ports.ts";

/** R2's names. */
const CLASS = { standard: "Standard", infrequent: "InfrequentAccess" } as const;

/** The MD5 of an object: R2 knows that of a single put; of one from parts it is computed, which is a read more. */
async function md5Of(bucket: R2Bucket, object: R2Object): Promise<ArrayBuffer | null> {
  if (object.checksums.md5 !== undefined) return object.checksums.md5;
  const found = await bucket.get(object.key, { onlyIf: { etagMatches: object.etag } });
  if (found === null || !("body" in found)) return null;
  const digest = new crypto.DigestStream("MD5");
  await found.body.pipeTo(digest);
  return digest.digest;
}

interface Opened {
  object: R2ObjectBody;
  md5: ArrayBuffer;
}

export class R2TierObjects implements TierObjects {
  readonly #bucket: R2Bucket;
  readonly #store: Pick<ObjectStore, "delete">;

  /** @param store all that R2 has of an object: its replica as well */
  constructor(bucket: R2Bucket, store: Pick<ObjectStore, "delete">) {
    this.#bucket = bucket;
    this.#store = store;
  }

  async move(key: string, to: StorageClass): Promise<boolean> {
    const there = await this.#bucket.head(key);
    if (there === null) return false;
    if (there.storageClass === CLASS[to]) return true;
    const opened = await this.#open(there);
    // One that was replaced meanwhile has been moved by another call.
    if (opened === null) return (await this.#bucket.head(key)) !== null;
    const { object, md5 } = opened;
    // From the store to the store, whatever its size: nothing of it is in memory. A deleted one does not match.
    const put = await this.#bucket.put(key, object.body, {
      customMetadata: object.customMetadata ?? {},
      storageClass: CLASS[to],
      md5,
      onlyIf: { etagMatches: there.etag },
    });
    return put !== null || (await this.#bucket.head(key)) !== null;
  }

  async copyTo(archive: ArchiveBucket, key: string): Promise<boolean> {
    const there = await this.#bucket.head(key);
    const opened = there === null ? null : await this.#open(there);
    if (opened === null) return false;
    const { body, size, customMetadata: metadata = {} } = opened.object;
    await archive.put(key, { body, size, metadata, md5: bytesToHex(new Uint8Array(opened.md5)) });
    return true;
  }

  async copyFrom(archive: ArchiveBucket, key: string): Promise<boolean> {
    if ((await this.#bucket.head(key)) !== null) return true;
    const object = await archive.take(key);
    if (object === null) return false;
    const body = object.body.pipeThrough(new FixedLengthStream(object.size));
    await this.#bucket.put(key, body, { customMetadata: object.metadata, md5: object.md5 });
    return true;
  }

  async drop(keys: readonly string[]): Promise<void> {
    await this.#store.delete([...keys]);
  }

  /** Null when it is gone, or another one is in its place. */
  async #open(there: R2Object): Promise<Opened | null> {
    const md5 = await md5Of(this.#bucket, there);
    const object = await this.#bucket.get(there.key, { onlyIf: { etagMatches: there.etag } });
    return md5 === null || object === null || !("body" in object) ? null : { object, md5 };
  }
}
