import { z } from "zod";
import { DriveError } from "../../../core/protocol/errors.ts";

const keySchema = z.array(z.union([z.string(), z.number(), z.null()]));

/** A list's cursor is the sort key of the last row, opaque to clients. */
export const toCursor = (key: unknown[]): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(key))))
    .replaceAll("+", "-")
    .replaceAll("/", "_");

/** The key's values, none without a cursor. Throws `cursor_invalid`. */
export function parseCursor(cursor: string | undefined, length: number): (string | number | null)[] {
  if (cursor === undefined) return [];
  try {
    const bytes = Uint8Array.from(atob(cursor.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return keySchema.length(length).parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw new DriveError("cursor_invalid", "This cursor is not one of ours.");
  }
}
