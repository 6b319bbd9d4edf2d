/** Versions that a batch's deltas and segments refer to, as far as the caller can read them (U16, U18, U19). */
import type { ByteSource } from "../delta/ports.ts";
import type { Entry } from "../manifests/node.ts";
import { DriveError } from "../protocol/errors.ts";
import { BlockReader, READS_MAX } from "../storage/block-reader.ts";
import { ContentMap } from "../storage/content-map.ts";
import { packsBelow, slice } from "../storage/slice.ts";
import { contentSource } from "../storage/source.ts";
import { keyOf, noBase } from "../uploads/bases.ts";
import type { VersionRef } from "../uploads/model.ts";
import type { StoredVersion, UploadDeps } from "../uploads/ports.ts";

export class Versions {
  readonly #deps: UploadDeps;
  readonly #found: ReadonlyMap<string, StoredVersion>;
  readonly #reader: BlockReader;
  readonly #sources = new Map<string, ByteSource>();
  readonly #maps = new Map<string, ContentMap>();

  /** @param found by `keyOf` */
  constructor(deps: UploadDeps, found: ReadonlyMap<string, StoredVersion>) {
    this.#deps = deps;
    this.#found = found;
    this.#reader = new BlockReader(deps.engine, deps.tenant_id, READS_MAX);
  }

  /** Throws `base_mismatch`. */
  require(ref: VersionRef): StoredVersion {
    const found = this.#found.get(keyOf(ref));
    if (found === undefined) throw noBase();
    return found;
  }

  /** What deltas read of a version; files of one base share what was read. */
  async source(ref: VersionRef | null): Promise<ByteSource | undefined> {
    if (ref === null) return undefined;
    const known = this.#sources.get(keyOf(ref));
    if (known !== undefined) return known;
    const { manifest, size } = this.require(ref);
    const source = contentSource(this.#deps.engine, this.#deps.tenant_id, manifest, size);
    this.#sources.set(keyOf(ref), source);
    return source;
  }

  /** The blocks of a run, leaves that lie wholly there as they are. Throws `base_mismatch` where they do not begin or end. */
  async blocks(ref: VersionRef, offset: number, length: number): Promise<Entry[]> {
    if (offset + length > this.require(ref).size) throw noBase();
    const found = await slice(await this.#map(ref), offset, length);
    if (found === null) throw new DriveError("base_mismatch", "A segment does not begin and end where blocks do.");
    return found;
  }

  /** The packs that entries of these versions, and others, need. */
  async packs(entries: readonly Entry[], refs: readonly VersionRef[]): Promise<string[]> {
    const maps = await Promise.all(refs.map((ref) => this.#map(ref)));
    return packsBelow(this.#reader, entries, new Set(maps.flatMap((map) => map.root.packs)));
  }

  async #map(ref: VersionRef): Promise<ContentMap> {
    const known = this.#maps.get(keyOf(ref));
    if (known !== undefined) return known;
    const map = new ContentMap(this.#reader, await this.#reader.root(this.require(ref).manifest));
    this.#maps.set(keyOf(ref), map);
    return map;
  }
}
