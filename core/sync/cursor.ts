/** A device's cursor: what it has reached in each drive that it can see. Opaque to clients. docs/spec/sync.md, J3 and VD1. */
import { DriveError } from "../protocol/errors.ts";
import { isId } from "../protocol/ids.ts";
import { BinaryReader, BinaryWriter, fromBase64, toBase64 } from "../storage/binary.ts";

export interface SyncCursor {
  /** Newest sequence number that was told, by drive. */
  drives: ReadonlyMap<string, number>;
  /** When all that others share was looked at, milliseconds since the epoch. */
  looked_at: number;
  /** Not all that had moved was read. */
  is_behind: boolean;
}

/** Of a cursor that is behind the highest bit is set. */
const FORMAT = 1;
const BEHIND = 0x80;
const ID_BYTES = 16;
const EMPTY: SyncCursor = { drives: new Map(), looked_at: 0, is_behind: false };

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const idBytes = (id: string): Uint8Array =>
  Uint8Array.from(id.replaceAll("-", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

function readId(reader: BinaryReader): string {
  const id = toHex(reader.raw(ID_BYTES)).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  if (!isId(id)) throw new Error("not an id");
  return id;
}

/** Binary: an address has room for the cursor of 500 drives. */
export function formatSyncCursor({ drives, looked_at, is_behind }: SyncCursor): string {
  const writer = new BinaryWriter()
    .u8(is_behind ? FORMAT | BEHIND : FORMAT)
    .varint(looked_at)
    .varint(drives.size);
  for (const [drive_id, seq] of drives) writer.raw(idBytes(drive_id)).varint(seq);
  return toBase64(writer.bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Without a cursor the journal is read from its beginning. Throws `cursor_invalid`. */
export function parseSyncCursor(text: string | undefined): SyncCursor {
  if (text === undefined || text === "") return EMPTY;
  try {
    const reader = new BinaryReader(fromBase64(text.replaceAll("-", "+").replaceAll("_", "/")));
    const first = reader.u8();
    if ((first & ~BEHIND) !== FORMAT) throw new Error("another format");
    const looked_at = reader.varint();
    const drives = new Map<string, number>();
    for (let left = reader.count(ID_BYTES + 1); left > 0; left--) drives.set(readId(reader), reader.varint());
    reader.end();
    return { drives, looked_at, is_behind: first !== FORMAT };
  } catch {
    throw new DriveError("cursor_invalid", "This cursor is not one of ours.");
  }
}
