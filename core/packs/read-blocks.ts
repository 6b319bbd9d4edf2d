/** Blocks of one pack, read back. docs/spec/storage.md, PK9. */
import type { TenantId } from "../protocol/ids.ts";
import { damaged } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import { openBlock } from "./block.ts";
import { packKey } from "./format.ts";
import type { BlockPlace } from "./writer.ts";

/** Ranges that hold all of `places`, in order, the gaps between them included: a call costs more than what it reads over. */
function* ranges(places: readonly BlockPlace[], max: number): Generator<BlockPlace[]> {
  let range: BlockPlace[] = [];
  for (const place of places) {
    const [first] = range;
    if (first !== undefined && place.offset + place.stored - first.offset > max) {
      yield range;
      range = [];
    }
    range.push(place);
  }
  if (range.length > 0) yield range;
}

/**
 * The raw bytes of blocks, each opened and compared with its hash. Throws `integrity_error`.
 * @param places in the order of the pack, one at least
 * @param max bytes of one read, unless a block alone is longer
 */
export async function* openBlocks(
  engine: Pick<Engine, "objects" | "keys" | "codec">,
  tenant_id: TenantId,
  places: readonly BlockPlace[],
  max: number,
): AsyncGenerator<{ place: BlockPlace; raw: Uint8Array<ArrayBuffer> }> {
  for (const range of ranges(places, max)) {
    const [first, last] = [range[0] as BlockPlace, range.at(-1) as BlockPlace];
    const { pack_id } = first;
    const length = last.offset + last.stored - first.offset;
    const object = await engine.objects.get(packKey(tenant_id, pack_id), first.offset, length);
    if (object === null || object.bytes.length !== length) throw damaged("a pack is missing or too short");
    const pack = { tenant_id, pack_id, key: await engine.keys.packKey(tenant_id, pack_id, object.metadata) };
    for (const place of range) {
      const at = place.offset - first.offset;
      const sealed = object.bytes.subarray(at, at + place.stored);
      yield { place, raw: await openBlock(engine.codec, pack, place.index, place, sealed) };
    }
  }
}
