import type { UploadedFile } from "../core/protocol/files.ts";
import { newSecret } from "../core/protocol/ids.ts";
import { BatchBody, type BatchChange, fileOf, sendBatch } from "./batch.ts";
import { ApiError } from "./errors.ts";
import { canHash } from "./hash.ts";
import { Meter } from "./meter.ts";
import { webRuntime } from "./runtime.ts";
import { upload } from "./upload.ts";
import { modifiedAt, type UploadRequest, type UploadTools } from "./upload-request.ts";

/** What goes into one batch: so many files, so many bytes of them, each file of so many at most. */
export const BATCH = { files: 500, bytes: 8 * 1024 * 1024, file_bytes: 256 * 1024 };

type Settled = PromiseSettledResult<UploadedFile>;

/** Whether a file goes with others in one request: a small, new one. */
export const isSmall = ({ source, file_id }: Pick<UploadRequest, "source" | "file_id">): boolean =>
  source.size <= BATCH.file_bytes && file_id === undefined;

/** Runs of requests that fit into a batch each, in order. */
export function* batchesOf<T extends Pick<UploadRequest, "source">>(requests: Iterable<T>): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const request of requests) {
    if (batch.length === BATCH.files || (batch.length > 0 && bytes + request.source.size > BATCH.bytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(request);
    bytes += request.source.size;
  }
  if (batch.length > 0) yield batch;
}

/**
 * Sends many files, small ones together. Each request is answered for itself, in their order: what fails, fails alone.
 * A request that is repeated under its `op_id` is not done twice. Aborting one of a batch that is on its way is too late.
 */
export async function uploadMany(tools: UploadTools, requests: readonly UploadRequest[]): Promise<Settled[]> {
  const answers = new Map<UploadRequest, Promise<UploadedFile>>();
  const together = canHash() && tools.device_id() !== null;
  for (const batch of batchesOf(requests.filter((request) => together && isSmall(request)))) {
    if (batch.length === 1) continue;
    const sent = tools.gate.run(() => sendTogether(tools, batch));
    for (const request of batch)
      answers.set(
        request,
        sent.then((done) => done.get(request)!()),
      );
  }
  return Promise.allSettled(requests.map((request) => answers.get(request) ?? upload(tools, request)));
}

/** What became of a request: gives the file, sends it by itself after all, or throws. */
type Outcome = () => UploadedFile | Promise<UploadedFile>;

async function sendTogether(tools: UploadTools, batch: readonly UploadRequest[]): Promise<Map<UploadRequest, Outcome>> {
  const outcomes = new Map<UploadRequest, Outcome>();
  const throws = (error: unknown) => () => {
    throw error;
  };
  const body = new BatchBody();
  const puts = new Map<UploadRequest, BatchChange>();
  for (const request of batch) {
    try {
      request.signal?.throwIfAborted();
      puts.set(request, await put(tools, request, body));
    } catch (error) {
      outcomes.set(request, throws(error));
    }
  }
  if (puts.size === 0) return outcomes;
  const frames = await body.bytes();
  try {
    const progress = sharedProgress([...puts.keys()]);
    const all = allOf([...puts.keys()].map(({ signal }) => signal));
    const results = await sendBatch(tools, [...puts.values()], frames, all, progress);
    for (const [i, request] of [...puts.keys()].entries()) outcomes.set(request, () => fileOf(results[i]!));
  } catch (error) {
    // Refused as a whole, so nothing was done: each may still go by itself, such as those that fit into what space is left.
    const each = error instanceof ApiError && error.status < 500 && error.status !== 401 && error.status !== 429;
    for (const request of puts.keys()) outcomes.set(request, each ? () => upload(tools, request) : throws(error));
  }
  return outcomes;
}

async function put(tools: UploadTools, request: UploadRequest, body: BatchBody): Promise<BatchChange> {
  const { source, parent_id, on_name_conflict } = request;
  const bytes = new Uint8Array(await source.arrayBuffer());
  return {
    op: "put",
    op_id: (request.op_id ??= newSecret()),
    parent_id,
    name: source.name,
    on_name_conflict,
    modified_at: modifiedAt(source),
    ...(source.type && { mime_type: source.type }),
    ...(await body.add(bytes, tools.runtime ?? webRuntime)),
  };
}

/** Aborted once all are: a batch is not ended for one file. */
function allOf(signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const all = new AbortController();
  let left = signals.length;
  for (const signal of signals)
    signal?.addEventListener("abort", () => void (--left === 0 && all.abort(signal.reason)), { once: true });
  return all.signal;
}

/** The progress of the body, told to each file by its share. */
function sharedProgress(requests: readonly UploadRequest[]) {
  const total = requests.reduce((sum, { source }) => sum + source.size, 0);
  const meter = new Meter();
  let network = 0;
  return (change: { network: number }): void => {
    network += change.network;
    const now = performance.now();
    meter.sample(network, now);
    const { sent, rate, left_s } = meter.progress(Math.min(network, total), total, now);
    for (const { source, onProgress } of requests) {
      const share = total === 0 ? 1 : source.size / total;
      onProgress?.({ sent: Math.floor(sent * share), total: source.size, rate: rate && rate * share, left_s });
    }
  };
}
