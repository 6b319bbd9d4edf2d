import type { OnNameConflict } from "../core/protocol/files.ts";
import type { ByteSource } from "./byte-source.ts";
import type { ContentStates } from "./content-state.ts";
import type { Gate } from "./gate.ts";
import type { Http } from "./http.ts";
import type { Progress } from "./meter.ts";
import type { Runtime } from "./runtime.ts";
import type { KeyValueStorage } from "./storage.ts";

/** What a browser's `File` is; read by slices, never as a whole. */
export interface UploadSource extends Blob {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly lastModified: number;
}

export interface UploadRequest {
  source: UploadSource;
  /** Where there is a cheaper way to read it than slices: a program for Node gives its file handle. */
  bytes?: ByteSource | undefined;
  parent_id: string;
  on_name_conflict?: OnNameConflict | undefined;
  /** The file that gets a new version, in place of a file in `parent_id`. */
  file_id?: string | undefined;
  /** What its current version must still be. */
  if_version_id?: string | undefined;
  /** The bytes of the version whose state is kept, where they are at hand: then an edit costs least. */
  old?: ByteSource | undefined;
  /** Names the upload, so that a retry after a lost answer does not make it twice. At most 100 characters; given by `uploadMany` when it is left out. */
  op_id?: string | undefined;
  onProgress?: (progress: Progress) => void;
  /** Aborting cancels for good: the server forgets what has arrived. Closing the program does not, so that it can be resumed. */
  signal?: AbortSignal;
}

/** What one upload needs besides its request. `gate` bounds the bodies in flight over all uploads. */
export interface UploadTools {
  http: Http;
  storage: KeyValueStorage;
  gate: Gate;
  /** Of the sign-in; null when nobody is signed in. */
  device_id(): string | null;
  /** Where states of versions are kept; without it each version is sent as if it were the first. */
  states?: ContentStates;
  /** The web platform's, when it is left out. */
  runtime?: Runtime;
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
