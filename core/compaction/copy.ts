/** The living blocks of packs, sealed anew in other ones. docs/spec/durability.md, C4. */
import { hookOf } from "../manifests/hooks.ts";
import { indexOfPack } from "../packs/index-of.ts";
import { openBlocks } from "../packs/read-blocks.ts";
import { PACK_MAX, type PackWriter } from "../packs/writer.ts";
import type { TenantId } from "../protocol/ids.ts";
import { READ_MAX } from "../storage/block-reader.ts";
import { damaged, isDamage } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import { free } from "../storage/free.ts";
import type { PackSeries } from "../storage/write.ts";
import { Alive } from "./alive.ts";
import type { Candidate, Moved } from "./run-state.ts";

export class Copier {
  readonly #engine: Engine;
  readonly #tenant_id: TenantId;
  readonly #series: PackSeries;
  /** New packs of the slices before. */
  readonly #before: number;
  #pack: PackWriter | null = null;
  /** Raw bytes so far. */
  copied = 0;

  constructor(engine: Engine, tenant_id: TenantId, series: PackSeries, before: number) {
    this.#engine = engine;
    this.#tenant_id = tenant_id;
    this.#series = series;
    this.#before = before;
  }

  /** @returns where the blocks lie now; null when one of them, or the pack itself, is damaged */
  async copy(pack: Candidate, report: (pack_id: string, error: unknown) => void): Promise<Moved[] | null> {
    try {
      return await this.#copy(pack);
    } catch (error) {
      if (!isDamage(error)) throw error;
      report(pack.pack_id, error);
      return null;
    }
  }

  async #copy(candidate: Candidate): Promise<Moved[]> {
    const { pack_id, size } = candidate;
    const alive = new Alive(candidate);
    const places = await indexOfPack(this.#engine, this.#tenant_id, pack_id, size);
    const living = places.filter(({ index }) => alive.has(index));
    if (living.length !== alive.count) throw damaged("a pack has fewer blocks than its contents name");
    const data = living.filter(({ kind }) => kind === "data");
    const moved: Moved[] = [];
    for await (const { place, raw } of openBlocks(this.#engine, this.#tenant_id, data, READ_MAX)) {
      if (this.#pack !== null && this.#pack.raw + raw.length > PACK_MAX) await this.finish();
      this.#pack ??= await this.#series.open(null);
      const { index, offset, stored } = await this.#pack.add("data", raw);
      const pack = this.#before + this.#series.finished.length;
      moved.push({ index: place.index, hash: hookOf(place.hash), to: { pack, index, offset, stored } });
      this.copied += raw.length;
      free(raw);
    }
    return moved;
  }

  async finish(): Promise<void> {
    if (this.#pack !== null) await this.#series.finish(this.#pack);
    this.#pack = null;
  }
}
