/** Reads a Zip file by its directory, as APPNOTE 6.3.10 says and knowing nothing of how ours is written. */
export interface ZipMember {
  path: string;
  is_folder: boolean;
  size: number;
  crc: number;
  /** Milliseconds since the epoch, from the extended timestamp. */
  modified_at: number;
  isZip64: boolean;
  /** Where its bytes begin. */
  start: number;
}

/** Bytes of a file that need not be in memory. */
export type ReadAt = (offset: number, length: number) => DataView;

export const inMemory =
  (bytes: Uint8Array): ReadAt =>
  (offset, length) =>
    new DataView(bytes.buffer, bytes.byteOffset + offset, length);

const big = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));
const text = (view: DataView, at: number, length: number): string =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
    new Uint8Array(view.buffer, view.byteOffset + at, length),
  );

interface End {
  entries: number;
  length: number;
  offset: number;
}

/** The end record, or the Zip64 one where a field of it says so. Throws when they do not fit the file. */
function readEnd(read: ReadAt, size: number): End {
  const end = read(size - 22, 22);
  if (end.getUint32(0, true) !== 0x06054b50) throw new Error("no end of central directory");
  const plain = { entries: end.getUint16(10, true), length: end.getUint32(12, true), offset: end.getUint32(16, true) };
  if (plain.entries !== 0xffff && plain.length !== 0xffffffff && plain.offset !== 0xffffffff) return plain;
  const locator = read(size - 42, 20);
  if (locator.getUint32(0, true) !== 0x07064b50) throw new Error("no Zip64 locator");
  const record = read(big(locator, 8), 56);
  if (record.getUint32(0, true) !== 0x06064b50) throw new Error("no Zip64 end record");
  return { entries: big(record, 32), length: big(record, 40), offset: big(record, 48) };
}

function extraFields(view: DataView, at: number, length: number): Map<number, DataView> {
  const fields = new Map<number, DataView>();
  for (let p = at; p < at + length;) {
    const size = view.getUint16(p + 2, true);
    fields.set(view.getUint16(p, true), new DataView(view.buffer, view.byteOffset + p + 4, size));
    p += 4 + size;
  }
  return fields;
}

/** Every member of the directory, its local header compared with it. Throws at whatever does not fit. */
export function readZip(read: ReadAt, size: number): ZipMember[] {
  const end = readEnd(read, size);
  const directory = read(end.offset, end.length);
  const members: ZipMember[] = [];
  for (let at = 0; at < end.length;) {
    if (directory.getUint32(at, true) !== 0x02014b50) throw new Error("no directory entry");
    if ((directory.getUint16(at + 8, true) & 0x800) === 0) throw new Error("a name that is not UTF-8");
    if (directory.getUint16(at + 10, true) !== 0) throw new Error("not stored");
    const nameLength = directory.getUint16(at + 28, true);
    const extraLength = directory.getUint16(at + 30, true);
    const path = text(directory, at + 46, nameLength);
    const extra = extraFields(directory, at + 46 + nameLength, extraLength);
    let size = directory.getUint32(at + 24, true);
    let offset = directory.getUint32(at + 42, true);
    const wide = extra.get(1);
    let field = 0;
    if (size === 0xffffffff) {
      size = big(wide as DataView, field);
      if (big(wide as DataView, field + 8) !== size) throw new Error("stored with another size");
      field += 16;
    }
    if (offset === 0xffffffff) offset = big(wide as DataView, field);
    const local = read(offset, 30);
    if (local.getUint32(0, true) !== 0x04034b50) throw new Error(`no local header of ${path}`);
    const localName = local.getUint16(26, true);
    if (text(read(offset + 30, localName), 0, localName) !== path) throw new Error("two names of one member");
    members.push({
      path,
      is_folder: path.endsWith("/"),
      size,
      crc: directory.getUint32(at + 16, true),
      modified_at: ((extra.get(0x5455) as DataView).getInt32(1, true) as number) * 1000,
      isZip64: wide !== undefined,
      start: offset + 30 + localName + local.getUint16(28, true),
    });
    at += 46 + nameLength + extraLength;
  }
  if (members.length !== end.entries) throw new Error(`${members.length} members, ${end.entries} announced`);
  return members;
}
