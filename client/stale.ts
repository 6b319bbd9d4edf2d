import { isCode } from "./errors.ts";

/** Nothing was committed, and what is known of the file is of no use: its bytes are to be sent as they are. */
export class StaleError extends Error {}

/** The bytes are not what they were a moment ago: whoever writes to the file is not done. */
export class SourceChanged extends StaleError {
  constructor() {
    super("The file changed while it was read.");
    this.name = "SourceChanged";
  }
}

/** Also when the server says so: the base is not what we believed, or the bytes moved under us. */
export const isStale = (error: unknown): boolean =>
  error instanceof StaleError ||
  isCode(
    error,
    "base_mismatch",
    "chunk_size_mismatch",
    "chunk_too_large",
    "hash_mismatch",
    "invalid_request",
    "payload_too_large",
    "size_mismatch",
  );
