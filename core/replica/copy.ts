/** One object from one store to the other. docs/spec/replica.md, RP9 and RP10. */
import { ObjectWriter } from "../packs/object-writer.ts";
import { PartBuffers } from "../packs/part-buffers.ts";
import type { Allowance } from "../storage/allowance.ts";
import { free } from "../storage/free.ts";
import type { ObjectFacts, ObjectMetadata, ObjectStore } from "../storage/ports.ts";
import { isWrittenOnce } from "./keys.ts";
import type { Side } from "./ports.ts";

/** Bytes of one read. */
const PIECE = 2 * 1024 * 1024;

export interface Copied {
  /** `there`: it was a copy already. `gone`: there is nothing to copy, or not any more. */
  outcome: "copied" | "there" | "gone";
  bytes: number;
  /** When the original was written. */
  uploaded_at: number;
}

/** What is written again must also be the later one: a key that was wrapped anew has the same size. */
export const isCopyOf = (copy: ObjectFacts | null, original: ObjectFacts): boolean =>
  copy !== null &&
  copy.size === original.size &&
  (isWrittenOnce(original.key) || copy.uploaded_at >= original.uploaded_at);

/** @throws when a store fails, or when what was written is no copy */
export async function copyObject(from: Side, to: Side, key: string, spare: Allowance): Promise<Copied> {
  const original = await from.stat(key);
  if (original === null) return { outcome: "gone", bytes: 0, uploaded_at: 0 };
  const { size, uploaded_at } = original;
  if (isCopyOf(await to.stat(key), original)) return { outcome: "there", bytes: 0, uploaded_at };
  await writeCopy(from, to, original, spare);
  if (!isCopyOf(await to.stat(key), original)) throw new Error("a copy is not what it is a copy of");
  // Deleted meanwhile: who deletes may have passed here before the copy was there.
  if ((await from.stat(key)) !== null) return { outcome: "copied", bytes: size, uploaded_at };
  await to.delete([key]);
  return { outcome: "gone", bytes: size, uploaded_at };
}

/** Whatever is there by that name. @throws when a store fails */
export async function writeCopy(
  from: Pick<Side, "get">,
  to: ObjectStore,
  { key, size, metadata }: Pick<ObjectFacts, "key" | "size"> & { metadata: ObjectMetadata },
  spare: Allowance,
): Promise<void> {
  const buffers = new PartBuffers(spare);
  const writer = new ObjectWriter(to, key, metadata, buffers, size);
  try {
    for (let at = 0; at < size;) {
      const piece = await from.get(key, at, PIECE);
      if (piece === null) throw new Error("an object became shorter while it was copied");
      await writer.append(piece.bytes);
      at += piece.bytes.length;
      free(piece.bytes);
    }
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    buffers.rest();
  }
}
