/** A device's cursor: the sequence number it has reached in each drive it can see. Opaque to clients. */
import { z } from "zod";
import { DriveError } from "../protocol/errors.ts";
import { idSchema } from "../protocol/ids.ts";

export type SyncCursor = Readonly<Record<string, number>>;

const schema = z.record(idSchema, z.number().int().min(0));

export const formatSyncCursor = (cursor: SyncCursor): string =>
  btoa(JSON.stringify(cursor)).replaceAll("+", "-").replaceAll("/", "_");

/** Without a cursor the journal is read from its beginning. Throws `cursor_invalid`. */
export function parseSyncCursor(text: string | undefined): SyncCursor {
  if (text === undefined || text === "") return {};
  try {
    return schema.parse(JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/"))));
  } catch {
    throw new DriveError("cursor_invalid", "This cursor is not one of ours.");
  }
}
