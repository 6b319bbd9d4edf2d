/** Batches as a client of ours has them: the frames of all files one behind the other, none of them twice (FR2). */
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Put, Segment } from "../../core/batch/model.ts";
import { chooseBits } from "../../core/blocks/classes.ts";
import { nameKey } from "../../core/files/names.ts";
import { encodeFrames, type Frame } from "../../core/frames/index.ts";
import { parseText } from "../../core/manifests/root.ts";
import type { UploadTarget } from "../../core/uploads/model.ts";
import type { Place } from "../support/memory/drive-model.ts";
import { type Base, type Borrowed, framesOf } from "./sessions.ts";
import type { World } from "./world.ts";

export interface BatchFile {
  target: UploadTarget;
  place: Place;
  /** All of it. */
  bytes: Uint8Array<ArrayBuffer>;
  /** What is sent: all but what is borrowed. */
  own: Uint8Array;
  /** What is borrowed from, and what deltas refer to; null where the file refers to nothing. */
  base: Base | null;
  is_delta: boolean;
  borrowed: Borrowed | null;
  /** Said to be of another size. */
  wrong: boolean;
}

export interface Batch {
  changes: Put[];
  body: Uint8Array;
  /** Of each file, the others whose frames it names. */
  needs: ReadonlySet<number>[];
}

/** Whether what comes before in the batch may be why this one is refused. */
export function disturbs(before: Place, own: Place): boolean {
  if ("file" in own) {
    if (own.if_version == null) return false;
    return "file" in before ? before.file === own.file : before.conflict === "new_version";
  }
  if (own.conflict !== "fail" || "file" in before) return false;
  return before.parent === own.parent && nameKey(before.name) === nameKey(own.name);
}

async function framesOfFile({ drive }: World, { bytes, own, base, is_delta }: BatchFile): Promise<Frame[]> {
  if (own.length === 0) return [];
  const { versions, contents } = drive.state;
  const row = [...versions.values()].find((v) => v.version_id === base?.version_id);
  const content = contents.get(row?.content_id ?? "");
  const parent = content === undefined ? null : (await parseText(content.manifest)).bits;
  return framesOf(own, chooseBits(bytes.length, parent), is_delta ? (base as Base).bytes : null);
}

export type Damage = "none" | "wrong" | "short";

/** @param op_ids of the changes, in their order */
export async function encodeBatch(
  world: World,
  files: readonly BatchFile[],
  op_ids: readonly string[],
  damage: Damage,
): Promise<Batch> {
  const frames: Frame[] = [];
  const laid = new Map<string, { offset: number; by: number }>();
  let end = 0;
  const needs: Set<number>[] = [];
  const changes: Put[] = [];
  for (const [i, file] of files.entries()) {
    const { target, bytes, base, is_delta, borrowed, wrong } = file;
    const others = new Set<number>();
    const segments: Segment[] = [];
    if (borrowed !== null)
      segments.push({ version: borrowed.of, offset: borrowed.offset, length: borrowed.bytes.length });
    const first = frames.length;
    for (const frame of await framesOfFile(world, file)) {
      const key = bytesToHex(frame.hash);
      const known = laid.get(key);
      const offset = known?.offset ?? end;
      if (known === undefined) {
        laid.set(key, { offset, by: i });
        frames.push(frame);
        end += frame.raw_length;
      } else others.add(known.by);
      const before = segments.at(-1);
      if (before?.version === null && before.offset + before.length === offset) before.length += frame.raw_length;
      else segments.push({ version: null, offset, length: frame.raw_length });
    }
    const ref = base === null ? null : { file_id: base.file_id, version_id: base.version_id };
    const isPlain = borrowed === null && others.size === 0 && segments.length <= 1;
    changes.push({
      op: "put",
      op_id: op_ids[i] as string,
      target,
      size: bytes.length + Number(wrong),
      base: is_delta ? ref : null,
      frames: frames.length - first,
      segments: isPlain ? null : segments,
    });
    others.delete(i);
    needs.push(others);
  }
  const last = frames.at(-1);
  if (damage === "short") frames.pop();
  if (damage === "wrong" && last !== undefined)
    frames.splice(-1, 1, { ...last, payload: last.payload.map((byte) => byte ^ 1) });
  return { changes, body: encodeFrames(frames), needs };
}
