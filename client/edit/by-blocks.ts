import { bytesToHex } from "@noble/hashes/utils.js";
import type { BlockBits } from "../../core/blocks/classes.ts";
import { type BlockFrame, type BlockRef, wholeBlock } from "../../core/frames/index.ts";
import type { File, UploadedFile } from "../../core/protocol/files.ts";
import { readExactly } from "../byte-source.ts";
import { SourceChanged } from "../stale.ts";
import type { ContentState } from "../content-state.ts";
import { signatureOf } from "../../core/delta/index.ts";
import { keepState } from "../state-maker.ts";
import { webRuntime } from "../runtime.ts";
import type { OnBytes, UploadTools } from "../upload-request.ts";
import { bySession, type OpenSession, type Outgoing } from "../upload-session.ts";
import { followBlocks } from "./follow.ts";
import { partsOf } from "./parts.ts";
import type { Segment } from "./segments.ts";
import { type Plan, partRawBytes, sendFrames } from "./session-frames.ts";

const MIB = 1024 * 1024;
/** Bytes whose blocks are asked about at once: a few tens of KiB of hashes. */
const ASKED_AT_ONCE = 64 * MIB;
/** A question takes 10,000. */
const BLOCKS_AT_ONCE = 8000;

/** Below it, what could be saved is not worth the questions: of a version, which mostly is like the one before, and of a new file. */
const VERSION_MIN = MIB;
const FILE_MIN = 64 * MIB;

/** Runs of the asked blocks that the server has; the others are missing. */
interface Negotiated {
  segments: { first: number; count: number; file_id: string; version_id: string; offset: number }[];
}

/**
 * Asks which blocks of the file the server has, in what the caller can read, and sends the others. Null for what is too small.
 * @param state of the version before, when there is one: its blocks are not cut again
 */
export async function byBlocks(
  tools: UploadTools,
  outgoing: Outgoing,
  state: ContentState | null,
  report: OnBytes,
): Promise<UploadedFile | null> {
  const { source, start, signal } = outgoing;
  const { file_id: of } = start;
  if (source.size < (of === undefined ? FILE_MIN : VERSION_MIN)) return null;
  const base_version_id = of && (await tools.http.json<File>({ path: `/files/${of}`, signal })).version_id;
  let made: { version: readonly BlockRef[]; block_bits: BlockBits } | undefined;
  const plan = (opened: OpenSession): Plan => {
    const plan = planBlocks(tools, outgoing, opened, state, report);
    made = { version: plan.version, block_bits: opened.session.block_bits as BlockBits };
    return plan;
  };
  const resume_key = `${outgoing.resume_key}:blocks`;
  const file = await bySession(
    tools,
    { ...outgoing, start: { ...start, ...(base_version_id && { base_version_id }) }, resume_key },
    report,
    sendFrames(tools, signal, plan),
  );
  const { file_id, version_id } = file;
  if (tools.states !== undefined && made !== undefined && version_id !== null) {
    const { version: blocks, block_bits } = made;
    const signature = await signatureOf(source);
    await keepState(tools.states, {
      file_id,
      version_id,
      size: source.size,
      block_bits,
      blocks: [...blocks],
      signature,
    });
  }
  return file;
}

function planBlocks(
  tools: UploadTools,
  { source, signal }: Outgoing,
  { session }: OpenSession,
  state: ContentState | null,
  report: OnBytes,
): Plan {
  const { packer, digest } = tools.runtime ?? webRuntime;
  const version: BlockRef[] = [];
  const places = new Map<string, Segment>();
  const bits = session.block_bits as BlockBits;
  const base = state !== null && state.block_bits === bits ? state.blocks : [];
  const frames = async function* (): AsyncGenerator<BlockFrame> {
    const asked = new Set<string>();
    for await (const group of grouped(followBlocks(source, bits, base, digest))) {
      version.push(...group);
      const fresh = group.filter(({ hash }) => !asked.has(hash) && asked.add(hash));
      const missing = await negotiate(tools, session.upload_id, fresh, places, signal);
      report({ network: 0, found: sum(group) - sum(missing) });
      for (const block of missing) {
        const bytes = await readExactly(source, block.offset, block.length);
        const frame = await wholeBlock(bytes, packer);
        if (bytesToHex(frame.hash) !== block.hash) throw new SourceChanged();
        yield { frame, blocks: [block] };
      }
    }
  };
  return { parts: partsOf(frames(), partRawBytes(source.size)), version, places };
}

const sum = (blocks: readonly BlockRef[]): number => blocks.reduce((bytes, { length }) => bytes + length, 0);

async function* grouped(blocks: AsyncIterable<BlockRef>): AsyncGenerator<BlockRef[]> {
  let group: BlockRef[] = [];
  let bytes = 0;
  for await (const block of blocks) {
    group.push(block);
    bytes += block.length;
    if (bytes < ASKED_AT_ONCE && group.length < BLOCKS_AT_ONCE) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

/** Notes the places of the blocks that the server has. @returns those that it lacks */
async function negotiate(
  { http }: UploadTools,
  upload_id: string,
  asked: readonly BlockRef[],
  places: Map<string, Segment>,
  signal: AbortSignal | undefined,
): Promise<BlockRef[]> {
  if (asked.length === 0) return [];
  const blocks = asked.map(({ hash, length }) => ({ hash, length }));
  const path = `/uploads/${upload_id}/negotiate`;
  const { segments } = await http.json<Negotiated>({ method: "POST", path, json: { blocks }, signal });
  for (const { first, count, file_id, version_id, offset } of segments) {
    let at = offset;
    for (const { hash, length } of asked.slice(first, first + count)) {
      places.set(hash, { file_id, version_id, offset: at, length });
      at += length;
    }
  }
  return asked.filter(({ hash }) => !places.has(hash));
}
