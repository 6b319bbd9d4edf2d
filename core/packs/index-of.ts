import type { TenantId } from "../protocol/ids.ts";
import { damaged } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import { openFooter, packKey, parseTrailer, TRAILER_BYTES } from "./format.ts";
import type { BlockPlace } from "./writer.ts";

/** What a pack says of itself: all its blocks, from the object alone. @param size of the object, bytes */
export async function indexOfPack(
  { objects, keys }: Engine,
  tenant_id: TenantId,
  pack_id: string,
  size: number,
): Promise<BlockPlace[]> {
  const read = async (offset: number, length: number) => {
    const object = offset < 0 ? null : await objects.get(packKey(tenant_id, pack_id), offset, length);
    if (object === null || object.bytes.length !== length) throw damaged("a pack is missing or too short");
    return object;
  };
  const trailer = await read(size - TRAILER_BYTES, TRAILER_BYTES);
  const { count, length } = parseTrailer(trailer.bytes);
  const footer = await read(size - TRAILER_BYTES - length, length);
  const key = await keys.packKey(tenant_id, pack_id, footer.metadata);
  let offset = 0;
  const places = (await openFooter({ tenant_id, pack_id, key }, count, footer.bytes)).map((block, index) => {
    const place = { ...block, pack_id, index, offset };
    offset += block.stored;
    return place;
  });
  if (offset + length + TRAILER_BYTES !== size) throw damaged("the lengths of a pack do not add up");
  return places;
}
