import type { z } from "zod";
import type { OnNameConflict, UploadedFile } from "../core/protocol/files.ts";
import type { completeUploadSchema, UploadSession, UploadState } from "../core/protocol/uploads.ts";
import type { ByteSource } from "./byte-source.ts";
import { isCode } from "./errors.ts";
import { isStale } from "./stale.ts";
import type { OnBytes, UploadTools } from "./upload-request.ts";

/** The parts that the server may miss after it said that all had arrived; more rounds than this is no accident. */
const COMPLETE_ROUNDS = 3;

/** Bytes that go up by a session, and what they become. */
export interface Outgoing {
  source: ByteSource;
  /** The session is kept under it, so that sending the same again goes on where it stopped. */
  resume_key: string;
  start: {
    parent_id: string;
    name: string;
    modified_at?: string;
    mime_type?: string;
    /** The file that gets a version. */
    file_id?: string;
    /** What deltas and segments without ids refer to. */
    base_version_id?: string;
    /** Of a sync client: the vector that the change was made on. */
    base?: Readonly<Record<string, number>> | undefined;
  };
  on_name_conflict?: OnNameConflict | undefined;
  /** The version that must be the current one; else 412. */
  if_version_id?: string | undefined;
  /** Aborting is a pause: what has arrived stays, to go on with it. Else it cancels for good. */
  pausable?: boolean;
  signal?: AbortSignal | undefined;
}

export interface OpenSession {
  session: UploadSession;
  /** Chunks that the server has: ids by index. */
  arrived: Map<number, string>;
}

/** What `complete` is told: docs/spec/uploads.md, U6 and U18. */
export type Order = z.input<typeof completeUploadSchema>;

/** Sends what has not arrived. It is called again when the server misses something after all. */
export type SendAll = (opened: OpenSession) => Promise<Order>;

/** Resumes or starts a session, sends, and completes. A session that is full of what the file was before is begun anew, once. */
export async function bySession(
  tools: UploadTools,
  outgoing: Outgoing,
  report: OnBytes,
  send: (report: OnBytes) => SendAll,
): Promise<UploadedFile> {
  const counted = { network: 0, found: 0 };
  const counting: OnBytes = (change) => {
    counted.network += change.network;
    counted.found += change.found ?? 0;
    report(change);
  };
  try {
    return await once(tools, outgoing, counting, send(counting));
  } catch (error) {
    if (!isCode(error, "too_many_chunks")) throw error;
    report({ network: -counted.network, found: -counted.found });
    return once(tools, outgoing, report, send(report));
  }
}

async function once(tools: UploadTools, outgoing: Outgoing, report: OnBytes, send: SendAll): Promise<UploadedFile> {
  const { http, storage } = tools;
  const { resume_key, signal } = outgoing;
  const opened = (await resume(tools, resume_key)) ?? (await start(tools, outgoing));
  if ("file_id" in opened) {
    storage.removeItem(resume_key);
    return opened;
  }
  const end = (): Promise<void> => http.done({ method: "DELETE", path: `/uploads/${opened.session.upload_id}` });
  try {
    const file = await complete(tools, outgoing, opened, report, send);
    storage.removeItem(resume_key);
    return file;
  } catch (error) {
    if (signal?.aborted && !outgoing.pausable) {
      storage.removeItem(resume_key);
      // The person is not kept waiting for it; if it is lost, the session runs out by itself.
      void end().catch(() => undefined);
    }
    if (isCode(error, "unknown_upload", "upload_expired")) storage.removeItem(resume_key);
    if (isCode(error, "too_many_chunks", "precondition_failed") || isStale(error)) {
      storage.removeItem(resume_key);
      // Waited for: two reservations of one file may be more than the quota has.
      await end().catch(() => undefined);
    }
    throw error;
  }
}

async function start(tools: UploadTools, outgoing: Outgoing): Promise<OpenSession | UploadedFile> {
  const { source, on_name_conflict, if_version_id, signal } = outgoing;
  const answer = await tools.http.json<UploadSession | UploadedFile>({
    method: "POST",
    path: "/files/upload",
    query: { on_name_conflict },
    headers: if_version_id === undefined ? {} : { "if-match": `"${if_version_id}"` },
    json: { ...outgoing.start, size: source.size },
    signal,
  });
  if ("file_id" in answer) return answer;
  tools.storage.setItem(outgoing.resume_key, answer.upload_id);
  return { session: answer, arrived: new Map() };
}

const stateOf = ({ http }: UploadTools, upload_id: string): Promise<UploadState> =>
  http.json<UploadState>({ path: `/uploads/${upload_id}` });

const arrivedIn = (state: UploadState): OpenSession["arrived"] =>
  new Map(state.chunks.map((chunk) => [chunk.index, chunk.chunk_id]));

/** What an earlier run left, if the server still has it. */
async function resume(tools: UploadTools, key: string): Promise<OpenSession | UploadedFile | null> {
  const upload_id = tools.storage.getItem(key);
  if (upload_id === null) return null;
  try {
    const state = await stateOf(tools, upload_id);
    // Committed, but the answer never reached us.
    if (state.state === "committed" && state.file_id)
      return await tools.http.json<UploadedFile>({ path: `/files/${state.file_id}` });
    if (state.state === "open") return { session: state, arrived: arrivedIn(state) };
  } catch (error) {
    if (!isCode(error, "unknown_upload", "upload_expired", "not_found", "trashed")) throw error;
  }
  tools.storage.removeItem(key);
  return null;
}

async function complete(
  tools: UploadTools,
  { source, signal }: Outgoing,
  opened: OpenSession,
  report: OnBytes,
  send: SendAll,
): Promise<UploadedFile> {
  const { upload_id } = opened.session;
  for (let round = 1; ; round++) {
    const order = await send(opened);
    try {
      const path = `/uploads/${upload_id}/complete`;
      return await tools.http.json<UploadedFile>({ method: "POST", path, json: order, signal });
    } catch (error) {
      if (!isCode(error, "missing_chunks") || round === COMPLETE_ROUNDS) throw error;
      const state = await stateOf(tools, upload_id);
      opened.arrived = arrivedIn(state);
      report({ network: 0, found: state.received_bytes - source.size });
    }
  }
}

/** Runs `work` several times at once until one says that there is no more; the first failure stops all. */
export async function inParallel(
  count: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<boolean>,
): Promise<void> {
  const failed = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const worker = async (): Promise<void> => {
    while (await work(stop)) stop.throwIfAborted();
  };
  try {
    await Promise.all(Array.from({ length: count }, worker));
  } catch (error) {
    failed.abort(error);
    throw error;
  }
}
