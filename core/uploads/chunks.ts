/** Chunks of a session, each in a pack of its own. docs/spec/uploads.md, U3 to U5 and U17. */
import { formatNode } from "../manifests/root.ts";
import { DriveError } from "../protocol/errors.ts";
import { MAX_CHUNKS } from "../protocol/uploads.ts";
import { BODY_PIECE, counted, PackSeries, writeBlocks } from "../storage/write.ts";
import type { Principal } from "../sharing/rights.ts";
import { HookSampler } from "../manifests/hooks.ts";
import { lazyBase } from "./bases.ts";
import { framesBodyMax, writeFrames } from "./frames.ts";
import type { ChunkRow, ReceivedChunk, UploadRow } from "./model.ts";
import type { UploadDeps } from "./ports.ts";
import type { Session } from "./service.ts";

const receivedBytes = (chunks: readonly ReceivedChunk[]): number => chunks.reduce((sum, chunk) => sum + chunk.size, 0);

const tooLarge = (part_size: number): DriveError =>
  new DriveError("chunk_too_large", `A chunk of this upload can have ${part_size} bytes at most.`, { part_size });

/** What a session can hold beside its file, for chunks that changed after they were sent: else it would store for free. */
function requireRoom({ upload, chunks }: Session, index: number): void {
  const room = 2 * (upload.size as number) + upload.part_size;
  if (index < MAX_CHUNKS && chunks.length < MAX_CHUNKS && receivedBytes(chunks) < room) return;
  throw new DriveError(
    "too_many_chunks",
    `An upload has ${MAX_CHUNKS} chunks at most, and not much more than its size.`,
  );
}

export interface WantedChunk {
  index: number;
  /** SHA-256 of the body. */
  chunk_id: string;
  /** The body is one of frames (U17), not the bytes themselves. */
  is_frames?: boolean;
}

/** Streams a chunk into a pack and records it once its hash is right. @returns bytes received in all */
export async function receiveChunk(
  deps: UploadDeps,
  principal: Principal,
  session: Session,
  wanted: WantedChunk,
  body: ReadableStream<Uint8Array> | null,
  length: number | null,
): Promise<number> {
  const { upload, chunks } = session;
  const { index, chunk_id } = wanted;
  const isRepeat = chunks.some((chunk) => chunk.chunk_id === chunk_id && chunk.chunk_index === index);
  if (!isRepeat) requireRoom(session, index);
  if (length !== null && length > bodyMax(upload, wanted)) throw tooLarge(upload.part_size);
  const same = chunks.find((chunk) => chunk.chunk_id === chunk_id);
  if (same !== undefined) {
    if (body !== null) await deps.bytes.discard(body);
    if (isRepeat) return receivedBytes(chunks);
    await deps.uploads.repeatChunk(upload.upload_id, chunk_id, index);
    return receivedBytes([...chunks, same]);
  }
  if (body === null) throw new DriveError("chunk_size_mismatch", "A chunk has one byte at least.");
  const series = new PackSeries(deps.engine, upload.tenant_id, upload.upload_id);
  const chunk = await storeChunk(deps, principal, series, session, wanted, body, length);
  if (await deps.uploads.putChunk(chunk)) return receivedBytes([...chunks, chunk]);
  await series.remove();
  throw new DriveError("unknown_upload", "This upload ended meanwhile.");
}

const bodyMax = ({ part_size }: UploadRow, { is_frames }: WantedChunk): number =>
  is_frames === true ? framesBodyMax(part_size) : part_size;

async function storeChunk(
  deps: UploadDeps,
  principal: Principal,
  series: PackSeries,
  { upload }: Session,
  wanted: WantedChunk,
  body: ReadableStream<Uint8Array>,
  size: number | null,
): Promise<ChunkRow> {
  const { tenant_id, upload_id, part_size, block_bits: bits } = upload;
  const { index, chunk_id, is_frames = false } = wanted;
  const hasher = deps.bytes.hasher();
  const sampler = new HookSampler(bits);
  try {
    const max = bodyMax(upload, wanted);
    const pieces = counted(deps.bytes.pieces(body, BODY_PIECE), hasher, max, () => tooLarge(part_size));
    const content = is_frames ? deps.bytes.hasher() : null;
    const node =
      content === null
        ? await writeBlocks(series, pieces, { bits, size, whole: false, sampler })
        : await writeFrames(
            deps.engine,
            series,
            pieces,
            { bits, base: lazyBase(deps, principal, upload.base) },
            { max_raw_bytes: part_size, expected: size, hasher: content, sampler },
          );
    const hash = await hasher.digest();
    const pack = series.finished[0];
    if (pack === undefined) throw new DriveError("chunk_size_mismatch", "A chunk has one byte at least.");
    if (hash !== chunk_id)
      throw new DriveError("hash_mismatch", "The bytes that arrived do not have the hash that was said.", {
        received_hash: hash,
      });
    return {
      tenant_id,
      upload_id,
      chunk_index: index,
      chunk_id,
      size: node.size,
      manifest: await formatNode(node),
      content_hash: content === null ? null : await content.digest(),
      hooks: sampler.hooks,
      pack_id: pack.pack_id,
      pack_size: pack.size,
      key_version: pack.key_version,
    };
  } catch (error) {
    await series.remove();
    throw error;
  }
}
