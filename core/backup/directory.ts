/** The directory's backup, read chunk by chunk. docs/spec/durability.md, BK7 and BK11. */
import { z } from "zod";
import { damaged } from "../storage/damage.ts";
import { type Chunk, chunkSchema } from "./model.ts";
import { findFull, readEnd } from "./plan.ts";
import type { Vault } from "./vault.ts";

export const directoryCursorSchema = z.object({ end: z.string(), index: z.number().int().min(0) });
export type DirectoryCursor = z.infer<typeof directoryCursorSchema>;

/** @returns the newest one before a moment, to be read from its last chunk: tenants stand behind accounts; null: none */
export async function beginDirectory(vault: Vault, at: number): Promise<DirectoryCursor | null> {
  const full = await findFull(vault, "directory", at);
  return full === null ? null : { end: full.name, index: full.end.chunks.length };
}

/** @returns the chunk before the cursor, and the next cursor; null at the beginning */
export async function nextChunk(
  vault: Vault,
  { end, index }: DirectoryCursor,
): Promise<{ chunk: Chunk; cursor: DirectoryCursor } | null> {
  if (index === 0) return null;
  const name = (await readEnd(vault, end)).chunks[index - 1];
  if (name === undefined) throw damaged(`${end} names no such chunk`);
  const chunk = chunkSchema.safeParse(await vault.get(name));
  if (!chunk.success) throw damaged(`${name} has no rows`);
  return { chunk: chunk.data, cursor: { end, index: index - 1 } };
}
