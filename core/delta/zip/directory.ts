/** The members of an archive, by its central directory (PKWARE APPNOTE 6.3, 4.3). What is unusual is no archive here (D18). */

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const ENCRYPTED = 1;
const ZIP64 = 0xffffffff;
const DEFLATED = 8;

export interface Member {
  /** As stored: one character a byte. */
  name: string;
  /** Where its data begins, and how long it is. */
  offset: number;
  length: number;
  inflated_length: number;
  /** Deflated and not encrypted. */
  deflated: boolean;
}

/** Members in the order of their data; undefined when the bytes are no archive that can be read safely. */
export function readDirectory(bytes: Uint8Array): Member[] | undefined {
  try {
    return readMembers(bytes);
  } catch (error) {
    // A DataView's own bounds check: the directory points outside the file.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readMembers(bytes: Uint8Array): Member[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = findEnd(view);
  if (end === undefined) return undefined;
  const disks = view.getUint32(end + 4, true);
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  if (disks !== 0 || view.getUint16(end + 8, true) !== count || start + size > end) return undefined;
  const members: Member[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (view.getUint32(at, true) !== ENTRY_SIGNATURE) return undefined;
    const name_length = view.getUint16(at + 28, true);
    const member = readMember(view, bytes, at, name_length);
    if (member === undefined) return undefined;
    members.push(member);
    at += ENTRY_BYTES + name_length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  members.sort((a, b) => a.offset - b.offset);
  const ordered = members.every((m, i) => m.offset + m.length <= (members[i + 1]?.offset ?? start));
  return at <= start + size && ordered ? members : undefined;
}

function findEnd(view: DataView): number | undefined {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT); at--)
    if (
      view.getUint32(at, true) === END_SIGNATURE &&
      at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength
    )
      return at;
  return undefined;
}

function readMember(view: DataView, bytes: Uint8Array, at: number, name_length: number): Member | undefined {
  const length = view.getUint32(at + 20, true);
  const inflated_length = view.getUint32(at + 24, true);
  const local = view.getUint32(at + 42, true);
  if (length === ZIP64 || inflated_length === ZIP64 || local === ZIP64) return undefined;
  if (view.getUint32(local, true) !== LOCAL_SIGNATURE) return undefined;
  const offset = local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const name = String.fromCharCode(...bytes.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + name_length));
  const flags = view.getUint16(at + 8, true);
  const deflated = view.getUint16(at + 10, true) === DEFLATED && (flags & ENCRYPTED) === 0;
  return { name, offset, length, inflated_length, deflated };
}
