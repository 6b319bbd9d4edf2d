/** What a device's batch asks for. docs/spec/sync.md, J5 to J8; docs/spec/uploads.md, U21 to U23. */
import type { Failure } from "../protocol/errors.ts";
import type { PermissionWord } from "../protocol/common.ts";
import type { FileRow, Vector } from "../files/model.ts";
import type { Outcome } from "../sync/commands.ts";
import type { UploadTarget, VersionRef } from "../uploads/model.ts";

/** Bytes of a file: of a version, or (null) of what all frames of the body stand for, laid end to end. */
export interface Segment {
  version: VersionRef | null;
  offset: number;
  length: number;
}

export interface Put {
  op: "put";
  op_id: string;
  target: UploadTarget;
  /** Bytes that the file is to have. */
  size: number;
  /** What the deltas among its frames refer to. */
  base: VersionRef | null;
  /** How many frames of the body are its own. */
  frames: number;
  /** Null: its bytes are those of its own frames. */
  segments: Segment[] | null;
}

/** What the change was made on: docs/spec/sync.md, CF1. */
interface Based {
  op_id: string;
  base?: Vector | undefined;
}

export type Change =
  | Put
  | (Based & { op: "create_folder"; parent_id: string; name: string })
  | (Based & { op: "update"; file_id: string; name?: string | undefined; parent_id?: string | undefined })
  | (Based & { op: "trash"; file_id: string; seen?: number | undefined })
  | (Based & { op: "untrash"; file_id: string });

/** What became of one change. */
export type Answer =
  | {
      ok: true;
      status: Outcome["status"];
      file: FileRow | null;
      copy: FileRow | null;
      permission: PermissionWord;
      version_id: string | null;
    }
  | { ok: false; failure: Failure };
