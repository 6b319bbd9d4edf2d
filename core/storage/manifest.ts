/** Where the bytes of a content lie: extents of objects, in order. Format: docs/spec/storage.md, M1 to M3. */
import { z } from "zod";

const extentSchema = z.object({
  key: z.string().min(1),
  offset: z.number().int().min(0),
  length: z.number().int().min(1),
});

const manifestSchema = z.object({ v: z.literal(1), extents: z.array(extentSchema) });

export type Extent = z.infer<typeof extentSchema>;

export const formatManifest = (extents: Extent[]): string => JSON.stringify({ v: 1, extents: join(extents) });

/** Neighbours in the same object become one extent, so that an ordinary upload has one. */
function join(extents: Extent[]): Extent[] {
  const out: Extent[] = [];
  for (const extent of extents) {
    const last = out.at(-1);
    if (last !== undefined && last.key === extent.key && last.offset + last.length === extent.offset)
      last.length += extent.length;
    else out.push({ ...extent });
  }
  return out;
}

/** Throws when the stored text is no manifest: that is damage, never a client's doing. */
export const parseManifest = (text: string): Extent[] => manifestSchema.parse(JSON.parse(text)).extents;

/** The extents of `length` bytes from `offset` of the content. */
export function slice(extents: Extent[], offset: number, length: number): Extent[] {
  const out: Extent[] = [];
  let skip = offset;
  let left = length;
  for (const extent of extents) {
    if (left === 0) break;
    if (skip >= extent.length) {
      skip -= extent.length;
      continue;
    }
    const take = Math.min(extent.length - skip, left);
    out.push({ key: extent.key, offset: extent.offset + skip, length: take });
    skip = 0;
    left -= take;
  }
  return out;
}
