import { DriveError } from "../../core/protocol/errors.ts";
import { isId } from "../../core/protocol/ids.ts";

/** The version that `If-Match` names; undefined without the header or for `*`. Our entity tags are version ids. */
export function ifMatchVersion(header: string | undefined): string | undefined {
  if (header === undefined || header.trim() === "*") return undefined;
  const version = /^"([^"]+)"$/.exec(header.trim())?.[1];
  if (version === undefined || !isId(version))
    throw new DriveError("precondition_failed", "If-Match does not name the current version.");
  return version;
}
