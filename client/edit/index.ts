/** A new version of a file, sent as what changed. docs/spec/uploads.md, U16 to U23. */
import type { UploadedFile } from "../../core/protocol/files.ts";
import { newSecret } from "../../core/protocol/ids.ts";
import { fileOf, sendBatch } from "../batch.ts";
import type { ByteSource } from "../byte-source.ts";
import { type ContentState, parseState } from "../content-state.ts";
import { isStale } from "../stale.ts";
import { canHash } from "../hash.ts";
import { webRuntime } from "../runtime.ts";
import { keepState } from "../state-maker.ts";
import type { OnBytes, UploadTools } from "../upload-request.ts";
import { bySession, type Outgoing } from "../upload-session.ts";
import { joinFrames, partsOf, type Part } from "./parts.ts";
import { archiveFrame, type EditPlan, framesOf, nextState, planEdit, placesInBase } from "./plan.ts";
import { byBlocks } from "./by-blocks.ts";
import { placeBlocks, type Segment, segmentsOf } from "./segments.ts";
import { partRawBytes, sendFrames } from "./session-frames.ts";

/** Up to here a body goes in one request, with its commit. Bytes. */
const ONE_REQUEST_MAX = 4 * 1024 * 1024;
/** Of the schema of a batch. */
const SEGMENTS_MAX = 10_000;

export interface Edit extends Outgoing {
  /** Old bytes: those of the version whose state is kept. Others do no harm, but cost a second try. */
  old?: ByteSource | undefined;
  /** Names the upload over retries. */
  op_id?: string | undefined;
}

/**
 * Sends a file by what is known of its bytes: as deltas against the state of the version before, else as the blocks that the
 * server lacks. Null when neither can be: then the bytes are to be sent as they are.
 * @throws ApiError such as `precondition_failed`, NetworkError, or the signal's reason
 */
export async function sendKnown(tools: UploadTools, edit: Edit, report: OnBytes): Promise<UploadedFile | null> {
  if (!canHash()) return null;
  const { file_id } = edit.start;
  const state = file_id === undefined ? null : await stateOf(tools, file_id);
  for (const attempt of [fromState, byBlocks]) {
    const counted = { network: 0, found: 0 };
    const counting: OnBytes = ({ network, found = 0 }) => {
      counted.network += network;
      counted.found += found;
      report({ network, found });
    };
    try {
      const file = await attempt(tools, edit, state, counting);
      if (file !== null) return file;
    } catch (error) {
      if (!isStale(error)) throw error;
    }
    report({ network: -counted.network, found: -counted.found });
  }
  return null;
}

/** Null for what is damaged, is of another file, or says nothing. */
async function stateOf({ states }: UploadTools, file_id: string): Promise<ContentState | null> {
  const kept = await states?.get(file_id).catch(() => null);
  const state = kept ? await parseState(kept) : null;
  return state?.file_id === file_id && state.size > 0 ? state : null;
}

async function fromState(
  tools: UploadTools,
  edit: Edit,
  state: ContentState | null,
  report: OnBytes,
): Promise<UploadedFile | null> {
  if (state === null || edit.source.size === 0) return null;
  const runtime = tools.runtime ?? webRuntime;
  const plan = await planEdit(edit.source, state, runtime);
  edit.signal?.throwIfAborted();
  const archive = await archiveFrame(plan, edit.old, runtime);
  const raw = partRawBytes(edit.source.size);
  const parts = partsOf(framesOf(plan, edit.old, runtime), raw);
  const first = await parts.next();
  const second = await parts.next();
  const only = first.done ? await joinFrames([]) : second.done ? first.value : null;
  if (archive !== undefined && (only === null || archive.frame.payload.length < only.body.length))
    return inOneRequest(tools, edit, plan, await joinFrames([archive]), undefined, report);
  if (only !== null && only.body.length <= ONE_REQUEST_MAX) {
    const { file_id, version_id } = state;
    const places = placesInBase(state, { file_id, version_id });
    placeBlocks(places, only.blocks, {});
    const segments = segmentsOf(plan.version, places);
    if (segments.length <= SEGMENTS_MAX) return inOneRequest(tools, edit, plan, only, segments, report);
  }
  let begun: Part[] | null = [first, second].flatMap((made) => (made.done ? [] : [made.value]));
  const resume_key = `${edit.resume_key}:${state.version_id}`;
  const start = { ...edit.start, base_version_id: state.version_id };
  const file = await bySession(
    tools,
    { ...edit, start, resume_key },
    report,
    sendFrames(tools, edit.signal, () => {
      const made = begun;
      begun = null;
      const all = made ? resumed(made, parts) : partsOf(framesOf(plan, edit.old, runtime), raw);
      return { parts: all, version: plan.version, places: placesInBase(state, {}) };
    }),
  );
  await keepNext(tools, plan, file);
  return file;
}

async function inOneRequest(
  tools: UploadTools,
  edit: Edit,
  plan: EditPlan,
  part: Part,
  segments: Segment[] | undefined,
  report: OnBytes,
): Promise<UploadedFile> {
  const put = {
    op_id: edit.op_id ?? newSecret(),
    file_id: plan.state.file_id,
    base: edit.start.base,
    base_version_id: plan.state.version_id,
    if_version_id: edit.if_version_id,
    modified_at: edit.start.modified_at,
    size: edit.source.size,
    frames: part.frames,
    segments,
  };
  const [result] = await tools.gate.run(() =>
    sendBatch(tools, [{ op: "put", ...put }], part.body, edit.signal, report),
  );
  const file = fileOf(result!);
  await keepNext(tools, plan, file);
  return file;
}

async function* resumed(begun: readonly Part[], rest: AsyncGenerator<Part>): AsyncGenerator<Part> {
  yield* begun;
  yield* rest;
}

async function keepNext(tools: UploadTools, plan: EditPlan, file: UploadedFile): Promise<void> {
  if (tools.states === undefined || file.version_id === null) return;
  const state = await nextState(plan, file.version_id, file.file_id).catch(() => null);
  await keepState(tools.states, state);
}
