/** What was asked, what was said, and what is known by now. */
import type { ErrorCode } from "../../core/protocol/errors.ts";
import type { Step } from "./steps.ts";
import type { Sent } from "./world.ts";

export type Answer =
  | { said: "ok"; file_id: string | null }
  | { said: "refused"; code: ErrorCode }
  /** Nobody knows: the answer was lost, the process ended, or the store did not answer. */
  | { said: "nothing" };

/** What a reader got; compared once it is known what the version is. */
export interface ReadBack {
  version_id: string;
  offset: number;
  length: number;
  pieces: Uint8Array[];
  ended: boolean;
}

export interface Attempt {
  step: Step;
  op_id: string;
  sent: Sent[];
  answer: Answer;
  /** Bytes of the version that it makes. */
  bytes: Uint8Array<ArrayBuffer> | null;
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
