import type { UploadedFile } from "../core/protocol/files.ts";
import { Meter } from "./meter.ts";
import { uploadByParts } from "./upload-parts.ts";
import { counter, modifiedAt, type OnBytes, type UploadRequest, type UploadTools } from "./upload-request.ts";

/** Up to here a file goes in one request: what a part may be, and what a retry may cost. Bytes. */
export const ONE_REQUEST_MAX = 8 * 1024 * 1024;

/**
 * Sends one file. Codes: `name_taken`, `name_invalid`, `quota_exceeded`, `file_too_large`, `rate_limited`,
 * `parent_not_found`, `forbidden`.
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
  return size <= ONE_REQUEST_MAX ? uploadWhole(tools, request, report) : uploadByParts(tools, request, report);
}

function uploadWhole({ http, gate }: UploadTools, request: UploadRequest, report: OnBytes): Promise<UploadedFile> {
  const { source, parent_id, on_name_conflict, signal } = request;
  const query = { parent_id, name: source.name, modified_at: modifiedAt(source), on_name_conflict };
  const headers = { "content-type": source.type || "application/octet-stream" };
  return gate.run(() => {
    signal?.throwIfAborted();
    const onSent = counter(source.size, report);
    return http.json({ method: "POST", path: "/files/upload", query, body: source, headers, signal, onSent });
  });
}
