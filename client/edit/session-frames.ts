import { FRAMES_MEDIA_TYPE } from "../../core/frames/index.ts";
import { MAX_CHUNKS } from "../../core/protocol/uploads.ts";
import { StaleError } from "../stale.ts";
import { counter, type OnBytes, type UploadTools } from "../upload-request.ts";
import { inParallel, type OpenSession, type SendAll } from "../upload-session.ts";
import type { BlockRef } from "../../core/frames/index.ts";
import type { Part } from "./parts.ts";
import { placeBlocks, type Segment, segmentsOf } from "./segments.ts";

const MIB = 1024 * 1024;
/** A body of frames is made in memory, and five are on their way; a session has 10,000 chunks. */
const CHUNKS_PLANNED = 5_000;

/** Bytes that one part of a file of `size` bytes stands for. */
export const partRawBytes = (size: number): number => Math.max(8 * MIB, Math.ceil(size / CHUNKS_PLANNED));

/** What a session is made of. */
export interface Plan {
  /** The same parts, whenever they are asked for again. */
  parts: AsyncGenerator<Part>;
  /** Known when `parts` has ended: the blocks of the version, and where those lie that no part has. */
  version: readonly BlockRef[];
  places: Map<string, Segment>;
}

/** Sends the parts that have not arrived, several at once, and says of what the version is made. */
export const sendFrames =
  (tools: UploadTools, signal: AbortSignal | undefined, planFor: (opened: OpenSession) => Plan) =>
  (report: OnBytes): SendAll =>
  async (opened) => {
    const { parts, version, places } = planFor(opened);
    const arrived = new Set(opened.arrived.values());
    let index = 0;
    await inParallel(opened.session.max_parallel, signal, (signal) =>
      tools.gate.run(async () => {
        signal.throwIfAborted();
        const { done, value: part } = await parts.next();
        if (done) return false;
        const number = index++;
        if (arrived.has(part.chunk_id)) report({ network: 0, found: part.raw_length });
        else await sendPart(tools, opened, part, number, signal, report);
        opened.arrived.set(number, part.chunk_id);
        placeBlocks(places, part.blocks, { chunk_id: part.chunk_id });
        return true;
      }),
    );
    const segments = segmentsOf(version, places);
    if (segments.length > MAX_CHUNKS) throw new StaleError("The version is made of more pieces than a session takes.");
    return { segments };
  };

async function sendPart(
  { http }: UploadTools,
  { session: { upload_id } }: OpenSession,
  { chunk_id, body, raw_length }: Part,
  index: number,
  signal: AbortSignal,
  report: OnBytes,
): Promise<void> {
  const headers = { "content-type": FRAMES_MEDIA_TYPE };
  const onSent = counter(body.length, report);
  await http.done({
    method: "PUT",
    path: `/chunks/${chunk_id}`,
    query: { upload_id, index },
    body,
    headers,
    signal,
    onSent,
  });
  onSent(body.length);
  report({ network: 0, found: raw_length - body.length });
}
