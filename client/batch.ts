/** Several files in one request: docs/spec/uploads.md, U21 to U23. */
import type { z } from "zod";
import { FRAMES_MEDIA_TYPE } from "../core/frames/index.ts";
import type { UploadedFile } from "../core/protocol/files.ts";
import type { DeltaAnswer, putChangeSchema } from "../core/protocol/sync.ts";
import { ApiError } from "./errors.ts";
import { counter, type OnBytes, type UploadTools } from "./upload-request.ts";

/** A file or a version, and how its bytes are made; `op_id` names it over retries. */
export type Put = Omit<z.input<typeof putChangeSchema>, "op">;

type Result = DeltaAnswer["results"][number];

function bodyOf(device_id: string | null, puts: readonly Put[], frames: Uint8Array): Uint8Array<ArrayBuffer> {
  const changes = puts.map((put) => ({ op: "put", ...put }));
  const json = new TextEncoder().encode(JSON.stringify({ device_id, changes }));
  const body = new Uint8Array(4 + json.length + frames.length);
  new DataView(body.buffer).setUint32(0, json.length);
  body.set(json, 4);
  body.set(frames, 4 + json.length);
  return body;
}

/** Each change answers for itself. @throws ApiError when the request as a whole is refused; then nothing was done */
export async function sendBatch(
  { http, device_id }: UploadTools,
  puts: readonly Put[],
  frames: Uint8Array,
  signal: AbortSignal | undefined,
  report: OnBytes,
): Promise<Result[]> {
  const body = bodyOf(device_id(), puts, frames);
  const onSent = counter(body.length, report);
  const answer = await http.json<DeltaAnswer>({
    method: "POST",
    path: "/sync/delta",
    body,
    headers: { "content-type": FRAMES_MEDIA_TYPE },
    signal,
    onSent,
  });
  onSent(body.length);
  return answer.results;
}

/** The file of an answer, or its refusal as the error that a request of its own would have been. */
export function fileOf(result: Result): UploadedFile {
  if (result.file !== null) return result.file;
  const { code, detail } = result;
  throw new ApiError({
    type: "about:blank",
    title: "",
    status: code === "precondition_failed" ? 412 : 409,
    code: code ?? "unavailable",
    detail: detail ?? "",
    request_id: "",
  });
}
