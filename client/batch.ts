/** Several files in one request: docs/spec/uploads.md, U21 to U23. */
import { bytesToHex } from "@noble/hashes/utils.js";
import type { z } from "zod";
import { chooseBits } from "../core/blocks/classes.ts";
import { Cutter } from "../core/blocks/cutter.ts";
import { type BlockFrame, FRAMES_MEDIA_TYPE, wholeBlock } from "../core/frames/index.ts";
import type { UploadedFile } from "../core/protocol/files.ts";
import type { DeltaAnswer, deltaChangeSchema, putChangeSchema } from "../core/protocol/sync.ts";
import { joinFrames } from "./edit/parts.ts";
import { type Segment, segmentsOf } from "./edit/segments.ts";
import { ApiError } from "./errors.ts";
import type { Runtime } from "./runtime.ts";
import { counter, type OnBytes, type UploadTools } from "./upload-request.ts";

/** What is asked for; `op_id` names it over retries. */
export type BatchChange = z.input<typeof deltaChangeSchema>;
/** How the bytes of a put are made. */
export type PutBytes = Pick<z.input<typeof putChangeSchema>, "size" | "frames" | "segments">;

type Result = DeltaAnswer["results"][number];

/** The bytes of a batch: of the blocks of its files each one once. */
export class BatchBody {
  readonly #frames: BlockFrame[] = [];
  /** Where among the bytes each block lies. */
  readonly #places = new Map<string, Segment>();
  #raw_length = 0;

  /** Cuts a file; blocks that no file before it had become frames. */
  async add(bytes: Uint8Array, { packer }: Runtime): Promise<PutBytes> {
    const before = this.#frames.length;
    const cutter = new Cutter(chooseBits(bytes.length, null));
    const blocks = [];
    let repeats = false;
    for (let offset = 0; offset < bytes.length;) {
      const cut = cutter.next(bytes, offset);
      const end = cut < 0 ? bytes.length : cut;
      const frame = await wholeBlock(bytes.subarray(offset, end), packer);
      const block = { offset, length: end - offset, hash: bytesToHex(frame.hash) };
      blocks.push(block);
      if (this.#places.has(block.hash)) repeats = true;
      else {
        this.#places.set(block.hash, { offset: this.#raw_length, length: block.length });
        this.#frames.push({ frame, blocks: [block] });
        this.#raw_length += block.length;
      }
      offset = end;
    }
    return {
      size: bytes.length,
      frames: this.#frames.length - before,
      ...(repeats && { segments: segmentsOf(blocks, this.#places) }),
    };
  }

  async bytes(): Promise<Uint8Array> {
    return (await joinFrames(this.#frames)).body;
  }
}

function bodyOf(
  device_id: string | null,
  changes: readonly BatchChange[],
  frames: Uint8Array,
): Uint8Array<ArrayBuffer> {
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
  changes: readonly BatchChange[],
  frames: Uint8Array,
  signal: AbortSignal | undefined,
  report: OnBytes,
): Promise<Result[]> {
  const body = bodyOf(device_id(), changes, frames);
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
