import type { TenantId } from "../protocol/ids.ts";
import type { Engine } from "../storage/engine.ts";
import { free } from "../storage/free.ts";
import { sealBlock } from "./block.ts";
import { Compressor } from "./compressor.ts";
import { type BlockKind, type OpenPack, packKey, sealFooter, type StoredBlock } from "./format.ts";
import { ObjectWriter } from "./object-writer.ts";
import type { PartBuffers } from "./part-buffers.ts";

/** Raw bytes of one pack. */
export const PACK_MAX = 64 * 1024 * 1024;

/** Where a block lies. */
export interface BlockPlace extends StoredBlock {
  pack_id: string;
  index: number;
  offset: number;
}

export interface FinishedPack {
  pack_id: string;
  size: number;
  key_version: number;
}

/** Writes one pack, block after block. docs/spec/storage.md, PK2 to PK8. */
export class PackWriter {
  readonly #compressor: Compressor;
  readonly #pack: OpenPack;
  readonly #key_version: number;
  readonly #object: ObjectWriter;
  readonly #blocks: StoredBlock[] = [];
  #offset = 0;
  /** Raw bytes of data so far. */
  raw = 0;

  private constructor(engine: Engine, pack: OpenPack, key_version: number, object: ObjectWriter) {
    this.#compressor = new Compressor(engine.codec);
    this.#pack = pack;
    this.#key_version = key_version;
    this.#object = object;
  }

  static async open(
    engine: Engine,
    tenant_id: TenantId,
    pack_id: string,
    buffers: PartBuffers,
    expected: number,
  ): Promise<PackWriter> {
    const { key, key_version, metadata } = await engine.keys.newPackKey(tenant_id, pack_id);
    const object = new ObjectWriter(engine.objects, packKey(tenant_id, pack_id), metadata, buffers, expected);
    return new PackWriter(engine, { tenant_id, pack_id, key }, key_version, object);
  }

  get pack_id(): string {
    return this.#pack.pack_id;
  }

  async add(kind: BlockKind, raw: Uint8Array): Promise<BlockPlace> {
    const index = this.#blocks.length;
    const { block, sealed } = await sealBlock(this.#compressor, this.#pack, index, kind, raw);
    await this.#object.append(sealed);
    free(sealed);
    this.#blocks.push(block);
    const place = { ...block, pack_id: this.#pack.pack_id, index, offset: this.#offset };
    this.#offset += block.stored;
    this.raw += raw.length;
    return place;
  }

  async finish(): Promise<FinishedPack> {
    await this.#object.append(await sealFooter(this.#pack, this.#blocks));
    const size = await this.#object.finish();
    return { pack_id: this.#pack.pack_id, size, key_version: this.#key_version };
  }

  abort(): Promise<void> {
    return this.#object.abort();
  }
}
