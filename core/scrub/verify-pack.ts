/** A whole pack, read back. docs/spec/durability.md, SC2 and SC3. */
import { indexOfPack } from "../packs/index-of.ts";
import { PART } from "../packs/part-buffers.ts";
import { packKey } from "../packs/format.ts";
import { openBlocks } from "../packs/read-blocks.ts";
import type { TenantId } from "../protocol/ids.ts";
import { damaged } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import { free } from "../storage/free.ts";
import type { ObjectStore } from "../storage/ports.ts";
import type { KnownPack } from "./ports.ts";

/** Calls of the object store that reading a pack takes: its end, trailer and footer, and the blocks. */
export const callsOf = ({ size }: KnownPack): number => 4 + Math.ceil(size / PART);

/** Metadata, size, footer, and each block: opened, decompressed, compared with its hash. @throws `integrity_error` */
export async function verifyPack(
  engine: Engine,
  objects: ObjectStore,
  tenant_id: TenantId,
  { pack_id, size, key_version }: KnownPack,
): Promise<void> {
  const end = await objects.get(packKey(tenant_id, pack_id), size - 1, 2);
  if (end?.bytes.length !== 1) throw damaged("a pack has another length");
  if (end.metadata.tenant !== String(tenant_id) || end.metadata.key_version !== String(key_version))
    throw damaged("the metadata of a pack say something else than its row");
  const reading = { ...engine, objects };
  const places = await indexOfPack(reading, tenant_id, pack_id, size);
  for await (const { raw } of openBlocks(reading, tenant_id, places, PART)) free(raw);
}
