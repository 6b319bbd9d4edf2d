/** What was asked, what was said, and what is known by now. */
import type { Answer as BatchAnswer } from "../../core/batch/model.ts";
import { type ErrorCode, fromFailure } from "../../core/protocol/errors.ts";
import type { Step } from "./steps.ts";
import type { Sent } from "./world.ts";

export type Answer =
  /** The version is told by batches only. */
  | { said: "ok"; file_id: string | null; version_id?: string | null }
  | { said: "refused"; code: ErrorCode }
  /** Nobody knows: the answer was lost, the process ended, or the store did not answer. */
  | { said: "nothing" };

/** Refusals that say nothing of whether it was done. */
export const isUnknown = (code: ErrorCode): boolean => code === "unavailable";
/** Refusals that no request may get. */
export const isWrong = (code: ErrorCode): boolean => code === "integrity_error" || code === "internal";

/** What a reader got; compared once it is known what the version is. */
export interface ReadBack {
  version_id: string;
  offset: number;
  length: number;
  pieces: Uint8Array[];
  ended: boolean;
}

/** One change of a batch. */
export interface Part {
  /** Of the hub. */
  op_id: string;
  answer: Answer;
  bytes: Uint8Array<ArrayBuffer>;
  must_succeed: boolean;
}

export interface Attempt {
  step: Step;
  op_id: string;
  sent: Sent[];
  answer: Answer;
  /** Bytes of the version that it makes. */
  bytes: Uint8Array<ArrayBuffer> | null;
  /** Of a batch, whose own `op_id` nobody is told; else none. */
  parts: Part[];
  /** Whether the same request may be sent again under its key. */
  keyed: boolean;
  /** What it asks for can be done, when nothing fails. */
  must_succeed: boolean;
  call(attempt: Attempt): Promise<string | null>;
}

/** What is known to the client, and picked from by numbers. */
export interface Known {
  /** Files and folders, the root first. */
  ids: string[];
  /** Versions that were made, in order, with their bytes. */
  versions: { file_id: string; version_id: string; bytes: Uint8Array }[];
}

/** The same request, of which nothing is known. */
export const unanswered = (earlier: Attempt): Attempt => ({
  ...earlier,
  sent: [],
  answer: { said: "nothing" },
  must_succeed: false,
  parts: earlier.parts.map((part) => ({ ...part, answer: { said: "nothing" }, must_succeed: false })),
});

/** What a batch was told of one change. Throws what no request may get. */
export function settlePart(part: Part, answer: BatchAnswer): void {
  if (answer.ok) part.answer = { said: "ok", file_id: answer.file?.file_id ?? null, version_id: answer.version_id };
  else if (isWrong(answer.failure.code)) throw fromFailure(answer.failure);
  else if (!isUnknown(answer.failure.code)) part.answer = { said: "refused", code: answer.failure.code };
}
