/** A device's batch, from the wire and back. Its own code is core/batch. */
import type { Context } from "hono";
import type { z } from "zod";
import { BatchBody } from "../../core/batch/body.ts";
import type { Answer, Change, Segment } from "../../core/batch/model.ts";
import type { BatchDeps } from "../../core/batch/ports.ts";
import { applyBatch, type Body } from "../../core/batch/service.ts";
import { toWire } from "../../core/files/wire.ts";
import { fromTimeOrNull } from "../../core/protocol/common.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import {
  type DeltaAnswer,
  type DeltaChange,
  deltaSchema,
  MAX_HEAD_BYTES,
  type PutChange,
} from "../../core/protocol/sync.ts";
import { framesBodyMax } from "../../core/uploads/frames.ts";
import { DEFAULT_LIMITS } from "../../core/frames/format.ts";
import type { UploadTarget } from "../../core/uploads/model.ts";
import { BODY_PIECE } from "../../core/storage/write.ts";
import { mediaTypeOf } from "../http/media-type.ts";
import { folderId, invalid, principalOf, submissionOf } from "./http.ts";
import type { AppEnv } from "./types.ts";
import { uploadDeps } from "./upload-deps.ts";

type Delta = z.infer<typeof deltaSchema>;

function targetOf(c: Context<AppEnv>, put: PutChange): UploadTarget {
  const modified_at = fromTimeOrNull(put.modified_at);
  const { file_id, if_version_id = null, name = "", mime_type, on_name_conflict, base } = put;
  if (file_id !== undefined)
    return { kind: "version", file_id, if_version_id, mime_type: mime_type ?? null, modified_at, base };
  const parent_id = folderId(c, put.parent_id as string);
  const type = mime_type ?? mediaTypeOf(name);
  return { kind: "file", parent_id, name, on_name_conflict, mime_type: type, modified_at, base };
}

function segmentsOf({ segments, file_id, base_file_id }: PutChange): Segment[] | null {
  return (
    segments?.map(({ version_id, offset, length, ...segment }) => {
      const of = segment.file_id ?? base_file_id ?? file_id;
      const version = version_id === undefined || of === undefined ? null : { file_id: of, version_id };
      return { version, offset, length };
    }) ?? null
  );
}

function toChange(c: Context<AppEnv>, change: DeltaChange): Change {
  const { op_id, base } = change;
  switch (change.op) {
    case "create_folder":
      return { op: "create_folder", op_id, base, parent_id: folderId(c, change.parent_id), name: change.name };
    case "update": {
      const parent_id = change.parent_id === undefined ? undefined : folderId(c, change.parent_id);
      return { op: "update", op_id, base, file_id: change.file_id, name: change.name, parent_id };
    }
    case "put": {
      const { size, frames, base_version_id: version_id } = change;
      const file_id = change.base_file_id ?? change.file_id;
      const old = version_id === undefined || file_id === undefined ? null : { file_id, version_id };
      return { op: "put", op_id, target: targetOf(c, change), size, base: old, frames, segments: segmentsOf(change) };
    }
    case "trash":
      return { op: "trash", op_id, base, file_id: change.file_id, seen: change.seen };
    case "untrash":
      return { op: "untrash", op_id, base, file_id: change.file_id };
  }
}

function toResult(answer: Answer, { op_id }: Change): DeltaAnswer["results"][number] {
  if (!answer.ok) {
    const { code, detail } = answer.failure;
    return { op_id, status: "rejected", file: null, copy: null, version_id: null, code, detail };
  }
  const { status, file, copy, permission, version_id } = answer;
  return {
    op_id,
    status,
    file: file === null ? null : toWire(file, permission),
    copy: copy === null ? null : toWire(copy, permission),
    version_id,
    code: null,
    detail: null,
  };
}

function depsOf(c: Context<AppEnv>): BatchDeps {
  const { app } = c.var;
  return {
    accesses: (principal, file_ids) => app.accesses(principal, file_ids),
    uploadsOf: (drive_id) => uploadDeps(c, drive_id),
    submitAll: (drive_id, submissions) => app.submitAll(drive_id, submissions),
  };
}

export async function answerDelta(c: Context<AppEnv>, { device_id, changes }: Delta, body: Body): Promise<DeltaAnswer> {
  if (device_id !== c.var.claims.device_id)
    throw new DriveError("forbidden", "This sign-in belongs to another device.");
  const asked = changes.map((change) => toChange(c, change));
  const caller = { principal: principalOf(c), actor: submissionOf(c).actor };
  const answers = await applyBatch(depsOf(c), caller, asked, body);
  return { results: answers.map((answer, i) => toResult(answer, asked[i] as Change)) };
}

/** The longest body: its length, the JSON, the frames. */
const BODY_MAX = 4 + MAX_HEAD_BYTES + framesBodyMax(DEFAULT_LIMITS.max_raw_bytes);

/** The form with frames behind the JSON. */
export async function answerFrames(c: Context<AppEnv>, stream: ReadableStream<Uint8Array>): Promise<DeltaAnswer> {
  const header = c.req.header("content-length");
  const length = header === undefined ? null : Number(header);
  if (length !== null && length > BODY_MAX)
    throw new DriveError("payload_too_large", `A batch can have ${BODY_MAX} bytes at most.`);
  let received = 0;
  const pieces = async function* () {
    for await (const piece of c.var.app.bytes.pieces(stream, BODY_PIECE)) {
      received += piece.length;
      yield piece;
    }
  };
  const body = new BatchBody(pieces());
  try {
    const delta = deltaSchema.safeParse(await body.head());
    if (!delta.success) throw invalid(delta.error);
    return await answerDelta(c, delta.data, { frames: () => body.frames(), length, received: () => received });
  } finally {
    await body.close();
  }
}

async function* noFrames(): AsyncGenerator<never> {}

/** The form without them: its files are empty, or made of versions. */
export const answerJson = (c: Context<AppEnv>, delta: Delta): Promise<DeltaAnswer> =>
  answerDelta(c, delta, { frames: noFrames, length: 0, received: () => 0 });
