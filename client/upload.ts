import { type BlockBits, chooseBits } from "../core/blocks/classes.ts";
import type { UploadedFile } from "../core/protocol/files.ts";
import { blobSource, readExactly } from "./byte-source.ts";
import { type Edit, sendKnown } from "./edit/index.ts";
import { canHash } from "./hash.ts";
import type { HttpRequest } from "./http.ts";
import { Meter } from "./meter.ts";
import { webRuntime } from "./runtime.ts";
import { keepState, StateMaker } from "./state-maker.ts";
import { sendParts } from "./upload-parts.ts";
import { counter, modifiedAt, type OnBytes, type UploadRequest, type UploadTools } from "./upload-request.ts";
import { bySession, type OpenSession, type Outgoing } from "./upload-session.ts";

/** Up to here a file goes in one request: what a part may be, and what a retry may cost. Bytes. */
export const ONE_REQUEST_MAX = 8 * 1024 * 1024;

/** Shorter files are sent whole when they change: their states are not kept. Bytes. */
export const STATE_MIN = 256 * 1024;

/**
 * Sends one file, or with `file_id` a new version of one: then only what changed, as far as the client or the server knows it.
 * Codes: `name_taken`, `name_invalid`, `quota_exceeded`, `file_too_large`, `rate_limited`, `parent_not_found`, `forbidden`;
 * `precondition_failed` when `if_version_id` is not the current version.
 * @throws ApiError, NetworkError (call again to go on where it stopped), or the signal's reason
 */
export async function upload(tools: UploadTools, request: UploadRequest): Promise<UploadedFile> {
  const { size } = request.source;
  const meter = new Meter();
  let network = 0;
  let found = 0;
  const report: OnBytes = (change) => {
    network += change.network;
    found += change.found ?? 0;
    const now = performance.now();
    meter.sample(network, now);
    request.onProgress?.(meter.progress(Math.min(size, network + found), size, now));
  };
  report({ network: 0 });
  const file = await send(tools, outgoingOf(request), report);
  report({ network: 0, found: size - network - found });
  return file;
}

/** As a body the bytes go at once, where a browser has them as one. */
type Sending = Edit & { body?: Blob };

/** Sends a file in the cheapest way that there is. @throws as {@link upload} */
export async function send(tools: UploadTools, sending: Sending, report: OnBytes): Promise<UploadedFile> {
  const file = await sendKnown(tools, sending, report);
  if (file !== null) return file;
  const { size } = sending.source;
  return size <= ONE_REQUEST_MAX ? uploadWhole(tools, sending, report) : uploadByParts(tools, sending, report);
}

function outgoingOf(request: UploadRequest): Sending {
  const { source, parent_id, file_id } = request;
  const { name, size, lastModified } = source;
  const of = file_id === undefined ? parent_id : `${parent_id}/${file_id}`;
  return {
    source: request.bytes ?? blobSource(source),
    body: source,
    resume_key: `edgedrive.upload:${JSON.stringify([name, size, lastModified, of])}`,
    start: {
      parent_id,
      name,
      modified_at: modifiedAt(source),
      ...(source.type && { mime_type: source.type }),
      ...(file_id && { file_id }),
    },
    on_name_conflict: request.on_name_conflict,
    if_version_id: request.if_version_id,
    old: request.old,
    op_id: request.op_id,
    signal: request.signal,
  };
}

/** What is kept of a version that goes up as it is. */
function stateMaker(tools: UploadTools, size: number, block_bits: BlockBits): StateMaker | undefined {
  if (tools.states === undefined || size < STATE_MIN || !canHash()) return undefined;
  return new StateMaker(size, block_bits, (tools.runtime ?? webRuntime).digest);
}

async function keepMade(tools: UploadTools, maker: StateMaker | undefined, file: UploadedFile): Promise<void> {
  if (maker === undefined || file.version_id === null) return;
  await keepState(tools.states, await maker.finish(file.file_id, file.version_id));
}

async function uploadByParts(tools: UploadTools, outgoing: Outgoing, report: OnBytes): Promise<UploadedFile> {
  let maker: StateMaker | undefined;
  const newState = ({ session }: OpenSession): StateMaker | undefined =>
    (maker = stateMaker(tools, outgoing.source.size, session.block_bits as BlockBits));
  const file = await bySession(tools, outgoing, report, sendParts(tools, outgoing, newState));
  await keepMade(tools, maker, file);
  return file;
}

async function uploadWhole(tools: UploadTools, sending: Sending, report: OnBytes): Promise<UploadedFile> {
  const { source, start, if_version_id, on_name_conflict, signal } = sending;
  const { parent_id, name, modified_at, mime_type, file_id } = start;
  const about = { modified_at, base: start.base && JSON.stringify(start.base) };
  const onSent = counter(source.size, report);
  const headers: Record<string, string> = { "content-type": mime_type ?? "application/octet-stream" };
  if (sending.op_id) headers["idempotency-key"] = sending.op_id;
  if (if_version_id) headers["if-match"] = `"${if_version_id}"`;
  const to: Pick<HttpRequest, "method" | "path" | "query"> =
    file_id === undefined
      ? { method: "POST", path: "/files/upload", query: { parent_id, name, ...about, on_name_conflict } }
      : { method: "PUT", path: `/files/${file_id}`, query: about };
  const read = (): Promise<Uint8Array> => readExactly(source, 0, source.size);
  const body = sending.body ?? ((await read()) as Uint8Array<ArrayBuffer>);
  const file = await tools.gate.run(() => {
    signal?.throwIfAborted();
    return tools.http.json<UploadedFile>({ ...to, body, headers, signal, onSent });
  });
  const maker = stateMaker(tools, source.size, chooseBits(source.size, null));
  if (maker !== undefined) await maker.add(body instanceof Blob ? await read() : body);
  await keepMade(tools, maker, file);
  return file;
}
