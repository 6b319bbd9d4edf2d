import type { OnNameConflict } from "../core/protocol/files.ts";
import type { Gate } from "./gate.ts";
import type { Http } from "./http.ts";
import type { Progress } from "./meter.ts";
import type { KeyValueStorage } from "./storage.ts";

/** What a browser's `File` is; read by slices, never as a whole. */
export interface UploadSource extends Blob {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly lastModified: number;
}

export interface UploadRequest {
  source: UploadSource;
  parent_id: string;
  on_name_conflict?: OnNameConflict | undefined;
  onProgress?: (progress: Progress) => void;
  /** Aborting cancels for good: the server forgets what has arrived. Closing the program does not, so that it can be resumed. */
  signal?: AbortSignal;
}

/** What one upload needs besides its request. `gate` bounds the bodies in flight over all uploads. */
export interface UploadTools {
  http: Http;
  storage: KeyValueStorage;
  gate: Gate;
}

export type OnBytes = (change: { network: number; found?: number }) => void;

export const modifiedAt = (source: UploadSource): string => new Date(source.lastModified).toISOString();

/** Turns "so far" of one body, which starts over with a retry and may count framing, into differences. */
export function counter(size: number, report: OnBytes): (bytes: number) => void {
  let counted = 0;
  return (bytes) => {
    const now = Math.min(size, bytes);
    report({ network: now - counted });
    counted = now;
  };
}
