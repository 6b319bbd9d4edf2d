/** From stored blocks to the contents of files. docs/spec/uploads.md, U21 and U23. */
import { ENTRIES_MAX, entriesMax, PACKS_MAX, tooScattered } from "../manifests/bounds.ts";
import { hookOf, isPicked, joinHooks } from "../manifests/hooks.ts";
import { spanOf } from "../manifests/leaves.ts";
import type { Entry, Node } from "../manifests/node.ts";
import { formatRoot } from "../manifests/root.ts";
import { DriveError } from "../protocol/errors.ts";
import { newId } from "../protocol/ids.ts";
import { sha256 } from "../packs/block.ts";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { StoredContent } from "../sync/commands.ts";
import { keyOf } from "../uploads/bases.ts";
import type { VersionRef } from "../uploads/model.ts";
import type { UploadDeps } from "../uploads/ports.ts";
import { refuse } from "./items.ts";
import type { Put, Segment } from "./model.ts";
import type { BatchSession } from "./session.ts";
import type { PutItem } from "./store-frames.ts";
import type { StoredFrames } from "./stored-frames.ts";
import type { Versions } from "./versions.ts";

/** Ids of other uploads' packs in the commits of one batch: they cross to the hub in one call. */
const BORROWED_MAX = 100_000;

/** What is left of the bounds of a batch. */
interface Left {
  entries: number;
  borrowed: number;
}

/** A content without its packs, which are known once they are finished, and whether it needs the batch's own. */
interface Made {
  item: PutItem;
  content: StoredContent;
  isOwn: boolean;
}

/**
 * Gives each file that is left the command that makes it. What does not fit together is refused alone. Roots that are too
 * long for their rows go into the pack that holds the blocks.
 */
export async function makeContents(
  deps: UploadDeps,
  session: BatchSession,
  stored: StoredFrames,
  puts: readonly PutItem[],
  versions: Versions,
): Promise<void> {
  const made: Made[] = [];
  const left: Left = { entries: ENTRIES_MAX, borrowed: BORROWED_MAX };
  for (const item of puts) {
    if (item.answer !== null) continue;
    try {
      const root = await rootOf(item, stored, versions, left);
      const borrowed = root.packs.filter((pack_id) => !session.owns(pack_id));
      left.borrowed -= borrowed.length;
      if (left.borrowed < 0) throw tooScattered();
      let isOwn = root.packs.some((pack_id) => session.owns(pack_id));
      const manifest = await formatRoot(root, () => {
        isOwn = true;
        return session.pack();
      });
      const content_hash = await hashOf(item, stored);
      const content: StoredContent = {
        content_id: newId(deps.tenant_id, deps.now()),
        content_hash,
        size: item.change.size,
        manifest,
        packs: [],
        borrowed,
        hooks: hooksOf(root),
        integrity: content_hash === null ? "pending" : "ok",
      };
      made.push({ item, content, isOwn });
    } catch (error) {
      refuse(item, error);
    }
  }
  const packs = await session.finish();
  const { upload_id } = session.upload;
  for (const { item, content, isOwn } of made)
    item.command = {
      op: "commit_content",
      upload_id,
      target: item.change.target,
      content: isOwn ? { ...content, packs } : content,
    };
}

const partsOf = ({ change, start }: PutItem): Segment[] =>
  change.segments ?? (change.size === 0 ? [] : [{ version: null, offset: start, length: change.size }]);

async function rootOf(item: PutItem, stored: StoredFrames, versions: Versions, left: Left): Promise<Node> {
  const most = Math.min(left.entries, entriesMax(item.change.size, item.bits));
  const entries: Entry[] = [];
  const refs = new Map<string, VersionRef>();
  for (const { version, offset, length } of partsOf(item)) {
    const found = version === null ? stored.blocks(offset, length) : await versions.blocks(version, offset, length);
    if (entries.length + found.length > most) throw tooScattered();
    for (const entry of found) entries.push(entry);
    if (version !== null) refs.set(keyOf(version), version);
  }
  left.entries -= entries.length;
  const packs = await versions.packs(entries, [...refs.values()]);
  if (packs.length > PACKS_MAX) throw tooScattered();
  return { kind: "root", bits: item.bits, size: spanOf(entries), packs, entries };
}

/** Hooks of the blocks that are named one by one; those in leaves of other versions are found by them. */
function hooksOf({ bits, entries }: Node): string[] {
  const blocks = entries.filter(({ kind }) => kind === "data").map(({ hash }) => hash);
  const first = entries[0]?.kind === "data" ? hookOf(entries[0].hash) : undefined;
  return joinHooks(first, blocks.filter((hash) => isPicked(bits, hash)).map(hookOf));
}

/** The server's own, where the bytes are one run that it hashed. */
async function hashOf(item: PutItem, stored: StoredFrames): Promise<string | null> {
  const parts = partsOf(item);
  if (parts.length === 0) return bytesToHex(await sha256(new Uint8Array()));
  const [{ version, offset, length }] = parts as [Segment];
  return parts.length === 1 && version === null ? stored.hashOf(offset, length) : null;
}

/** Segments that do not add up to the file are known before any frame comes. Throws `size_mismatch`. */
export function requireSum({ segments, size }: Put): void {
  const sum = segments?.reduce((total, { length }) => total + length, 0) ?? size;
  if (sum !== size)
    throw new DriveError("size_mismatch", `The segments have ${sum} bytes in all; the file was said to have ${size}.`);
}
