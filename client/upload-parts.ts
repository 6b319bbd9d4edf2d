import type { UploadedFile } from "../core/protocol/files.ts";
import type { UploadSession, UploadState } from "../core/protocol/uploads.ts";
import { isCode } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { counter, modifiedAt, type OnBytes, type UploadRequest, type UploadTools } from "./upload-request.ts";

/** The parts that the server may miss after it said that all had arrived; more rounds than this is no accident. */
const COMPLETE_ROUNDS = 3;

interface Opened {
  session: UploadSession;
  /** Index to chunk id. */
  arrived: Map<number, string>;
}

/**
 * By an upload session: parts of `part_size`, several at a time, each named by its SHA-256. The session's id is kept under
 * (name, size, modification time, folder), so that choosing the same file again goes on where it stopped.
 */
export async function uploadByParts(
  tools: UploadTools,
  request: UploadRequest,
  report: OnBytes,
): Promise<UploadedFile> {
  const key = resumeKey(request);
  const counted = { network: 0, found: 0 };
  try {
    return await uploadOnce(tools, request, key, (change) => {
      counted.network += change.network;
      counted.found += change.found ?? 0;
      report(change);
    });
  } catch (error) {
    // The file has changed since parts of it arrived: what is there is of another file, so it is sent anew, once.
    if (!isCode(error, "chunk_conflict")) throw error;
    report({ network: -counted.network, found: -counted.found });
    return uploadOnce(tools, request, key, report);
  }
}

async function uploadOnce(
  tools: UploadTools,
  request: UploadRequest,
  key: string,
  report: OnBytes,
): Promise<UploadedFile> {
  const { http, storage } = tools;
  const opened = (await resume(tools, key)) ?? (await start(tools, request, key));
  if ("file_id" in opened) {
    storage.removeItem(key);
    return opened;
  }
  const end = (): Promise<void> => http.done({ method: "DELETE", path: `/uploads/${opened.session.upload_id}` });
  try {
    const file = await sendAll(tools, request, opened, report);
    storage.removeItem(key);
    return file;
  } catch (error) {
    if (request.signal?.aborted) {
      storage.removeItem(key);
      // The person is not kept waiting for it; if it is lost, the session runs out by itself.
      void end().catch(() => undefined);
    }
    if (isCode(error, "unknown_upload", "upload_expired")) storage.removeItem(key);
    if (isCode(error, "chunk_conflict")) {
      storage.removeItem(key);
      // Waited for: two reservations of one file may be more than the quota has.
      await end().catch(() => undefined);
    }
    throw error;
  }
}

const resumeKey = ({ source, parent_id }: UploadRequest): string =>
  `edgedrive.upload:${JSON.stringify([source.name, source.size, source.lastModified, parent_id])}`;

async function start(tools: UploadTools, request: UploadRequest, key: string): Promise<Opened | UploadedFile> {
  const { source, parent_id, on_name_conflict, signal } = request;
  const json = {
    parent_id,
    name: source.name,
    size: source.size,
    modified_at: modifiedAt(source),
    ...(source.type && { mime_type: source.type }),
  };
  const answer = await tools.http.json<UploadSession | UploadedFile>({
    method: "POST",
    path: "/files/upload",
    query: { on_name_conflict },
    json,
    signal,
  });
  if ("file_id" in answer) return answer;
  tools.storage.setItem(key, answer.upload_id);
  return { session: answer, arrived: new Map() };
}

/** What an earlier run left, if the server still has it. */
async function resume({ http, storage }: UploadTools, key: string): Promise<Opened | UploadedFile | null> {
  const upload_id = storage.getItem(key);
  if (upload_id === null) return null;
  try {
    const state = await http.json<UploadState>({ path: `/uploads/${upload_id}` });
    // Committed, but the answer never reached us.
    if (state.state === "committed" && state.file_id)
      return await http.json<UploadedFile>({ path: `/files/${state.file_id}` });
    if (state.state === "open")
      return { session: state, arrived: new Map(state.chunks.map((c) => [c.index, c.chunk_id])) };
  } catch (error) {
    if (!isCode(error, "unknown_upload", "upload_expired", "not_found", "trashed")) throw error;
  }
  storage.removeItem(key);
  return null;
}

async function sendAll(
  tools: UploadTools,
  request: UploadRequest,
  opened: Opened,
  report: OnBytes,
): Promise<UploadedFile> {
  const path = `/uploads/${opened.session.upload_id}/complete`;
  for (let round = 1; ; round++) {
    const chunks = await sendParts(tools, request, opened, report);
    try {
      return await tools.http.json<UploadedFile>({ method: "POST", path, json: { chunks }, signal: request.signal });
    } catch (error) {
      if (!isCode(error, "missing_chunks") || round === COMPLETE_ROUNDS) throw error;
      const state = await tools.http.json<UploadState>({ path: `/uploads/${opened.session.upload_id}` });
      opened.arrived = new Map(state.chunks.map((c) => [c.index, c.chunk_id]));
      report({ network: 0, found: state.received_bytes - request.source.size });
    }
  }
}

/** @returns the chunk ids in order */
async function sendParts(
  tools: UploadTools,
  request: UploadRequest,
  opened: Opened,
  report: OnBytes,
): Promise<string[]> {
  const { source, signal } = request;
  const { part_size, max_parallel } = opened.session;
  const count = Math.ceil(source.size / part_size);
  const ids: string[] = Array.from({ length: count });
  const failed = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      ids[index] = await tools.gate.run(() => sendPart(tools, opened, { source, index, signal: stop }, report));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(max_parallel, count) }, worker));
  } catch (error) {
    failed.abort(error);
    throw error;
  }
  return ids;
}

async function sendPart(
  { http }: UploadTools,
  { session, arrived }: Opened,
  { source, index, signal }: { source: Blob; index: number; signal: AbortSignal },
  report: OnBytes,
): Promise<string> {
  signal.throwIfAborted();
  const body = new Uint8Array(
    await source.slice(index * session.part_size, (index + 1) * session.part_size).arrayBuffer(),
  );
  const id = await sha256(body);
  // Hashed even when it has arrived: the file may have changed without its time having moved.
  if (arrived.get(index) === id) {
    report({ network: 0, found: body.length });
    return id;
  }
  const query = { upload_id: session.upload_id, index };
  const headers = { "content-type": "application/octet-stream" };
  const onSent = counter(body.length, report);
  await http.done({ method: "PUT", path: `/chunks/${id}`, query, body, headers, signal, onSent });
  onSent(body.length);
  arrived.set(index, id);
  return id;
}
