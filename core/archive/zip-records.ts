/**
 * The records of a Zip file: PKWARE APPNOTE 6.3.10; section numbers below are its. Members are stored; their sizes are
 * known, their CRC only behind their bytes, so a data descriptor follows (4.3.9). Written by hand because the kept
 * libraries need a whole list in memory, or leave out the Zip64 end record for 65,535 small files (ADR 0009).
 */
import type { ArchivePlan } from "./plan.ts";

/** From here on a field of 32 bits says "see the Zip64 extra field" (4.4.1.4). */
export const ZIP64_MIN = 0xffffffff;
const ENTRIES_ZIP64_MIN = 0xffff;

const VERSION_PLAIN = 20;
const VERSION_ZIP64 = 45;
/** Made by Unix (4.4.2): the upper half of the external attributes is a mode. */
const MADE_BY_UNIX = 3 << 8;
const DESCRIPTOR_FOLLOWS = 1 << 3;
const NAMES_ARE_UTF8 = 1 << 11;
const MODE_FILE = 0o100644;
const MODE_FOLDER = 0o040755;
const DOS_DIRECTORY = 0x10;

/** Extended timestamp: tag, length, flags, seconds since the epoch (Info-ZIP, extra field 0x5455). */
const TIME_EXTRA = 9;

const hasDescriptor = (plan: ArchivePlan, at: number): boolean => plan.sizeOf(at) > 0;
const isLarge = (plan: ArchivePlan, at: number): boolean => plan.sizeOf(at) >= ZIP64_MIN;

const localExtra = (plan: ArchivePlan, at: number): number => TIME_EXTRA + (isLarge(plan, at) ? 20 : 0);

function centralExtra(plan: ArchivePlan, at: number, offset: number): number {
  const fields = (isLarge(plan, at) ? 16 : 0) + (offset >= ZIP64_MIN ? 8 : 0);
  return TIME_EXTRA + (fields > 0 ? 4 + fields : 0);
}

const localLength = (plan: ArchivePlan, at: number): number => 30 + plan.pathLength(at) + localExtra(plan, at);

const descriptorLength = (plan: ArchivePlan, at: number): number =>
  hasDescriptor(plan, at) ? (isLarge(plan, at) ? 24 : 16) : 0;

/** Bytes of a member: header, content, descriptor. */
export const memberLength = (plan: ArchivePlan, at: number): number =>
  localLength(plan, at) + plan.sizeOf(at) + descriptorLength(plan, at);

/** Bytes of the member's entry in the directory. @param offset where the member begins */
export const centralLength = (plan: ArchivePlan, at: number, offset: number): number =>
  46 + plan.pathLength(at) + centralExtra(plan, at, offset);

const endNeedsZip64 = (entries: number, offset: number, length: number): boolean =>
  entries >= ENTRIES_ZIP64_MIN || offset >= ZIP64_MIN || length >= ZIP64_MIN;

/** Bytes of what follows the directory. @param offset where the directory begins @param length its bytes */
export const endLength = (entries: number, offset: number, length: number): number =>
  22 + (endNeedsZip64(entries, offset, length) ? 56 + 20 : 0);

/** Fills a buffer field by field, little-endian. */
class Record {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
  }

  u16(...values: number[]): this {
    for (const value of values) this.#view.setUint16((this.#at += 2) - 2, value, true);
    return this;
  }

  /** Values of more than 32 bits become the mark that points to Zip64. */
  u32(...values: number[]): this {
    for (const value of values) this.#view.setUint32((this.#at += 4) - 4, Math.min(value, ZIP64_MIN), true);
    return this;
  }

  u64(...values: number[]): this {
    for (const value of values) this.#view.setBigUint64((this.#at += 8) - 8, BigInt(value), true);
    return this;
  }

  path(plan: ArchivePlan, at: number): this {
    this.#at = plan.writePath(at, this.bytes, this.#at);
    return this;
  }

  time(ms: number): this {
    // Signed 32 bits: what lies outside 1970 to 2038 is shown as the nearest moment inside.
    const seconds = Math.min(Math.max(Math.floor(ms / 1000), 0), 0x7fffffff);
    this.u16(0x5455, 5);
    this.bytes[this.#at++] = 1;
    return this.u32(seconds);
  }
}

/** MS-DOS time and date (4.4.6), in UTC: 1980 to 2107 in steps of two seconds. */
function dosTime(ms: number): [time: number, date: number] {
  const t = new Date(Math.min(Math.max(ms, Date.UTC(1980, 0, 1)), Date.UTC(2107, 11, 31, 23, 59, 58)));
  const time = (t.getUTCHours() << 11) | (t.getUTCMinutes() << 5) | (t.getUTCSeconds() >> 1);
  const date = ((t.getUTCFullYear() - 1980) << 9) | ((t.getUTCMonth() + 1) << 5) | t.getUTCDate();
  return [time, date];
}

const flagsOf = (plan: ArchivePlan, at: number): number =>
  NAMES_ARE_UTF8 | (hasDescriptor(plan, at) ? DESCRIPTOR_FOLLOWS : 0);

/** 4.3.7. CRC and sizes are zero, as 4.4.4 wants of bit 3; in a large member they stand in the Zip64 field, as zeros. */
export function localHeader(plan: ArchivePlan, at: number): Uint8Array<ArrayBuffer> {
  const large = isLarge(plan, at);
  const size = large ? ZIP64_MIN : 0;
  const record = new Record(localLength(plan, at))
    .u32(0x04034b50)
    .u16(large ? VERSION_ZIP64 : VERSION_PLAIN, flagsOf(plan, at), 0, ...dosTime(plan.timeOf(at)))
    .u32(0, size, size)
    .u16(plan.pathLength(at), localExtra(plan, at))
    .path(plan, at)
    .time(plan.timeOf(at));
  if (large) record.u16(1, 16).u64(0, 0);
  return record.bytes;
}

/** 4.3.9; sizes have 64 bits when the member has a Zip64 field. Empty for what has no bytes. */
export function dataDescriptor(plan: ArchivePlan, at: number): Uint8Array<ArrayBuffer> {
  const record = new Record(descriptorLength(plan, at));
  if (!hasDescriptor(plan, at)) return record.bytes;
  const size = plan.sizeOf(at);
  record.u32(0x08074b50, plan.crcOf(at));
  return (isLarge(plan, at) ? record.u64(size, size) : record.u32(size, size)).bytes;
}

/** 4.3.12. */
export function centralEntry(plan: ArchivePlan, at: number, offset: number): Uint8Array<ArrayBuffer> {
  const [folder, large, far] = [plan.isFolder(at), isLarge(plan, at), offset >= ZIP64_MIN];
  const size = plan.sizeOf(at);
  const version = large || far ? VERSION_ZIP64 : VERSION_PLAIN;
  const attributes = ((folder ? MODE_FOLDER : MODE_FILE) * 0x10000 + (folder ? DOS_DIRECTORY : 0)) >>> 0;
  const record = new Record(centralLength(plan, at, offset))
    .u32(0x02014b50)
    .u16(MADE_BY_UNIX | VERSION_ZIP64, version, flagsOf(plan, at), 0, ...dosTime(plan.timeOf(at)))
    .u32(plan.crcOf(at), size, size)
    .u16(plan.pathLength(at), centralExtra(plan, at, offset), 0, 0, 0)
    .u32(attributes, offset)
    .path(plan, at)
    .time(plan.timeOf(at));
  if (large || far) record.u16(1, (large ? 16 : 0) + (far ? 8 : 0));
  if (large) record.u64(size, size);
  if (far) record.u64(offset);
  return record.bytes;
}

/** 4.3.14 to 4.3.16. @param offset where the directory begins @param length its bytes */
export function endOfArchive(entries: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const record = new Record(endLength(entries, offset, length));
  if (endNeedsZip64(entries, offset, length)) {
    record
      .u32(0x06064b50)
      .u64(44)
      .u16(MADE_BY_UNIX | VERSION_ZIP64, VERSION_ZIP64);
    record.u32(0, 0).u64(entries, entries, length, offset);
    record
      .u32(0x07064b50, 0)
      .u64(offset + length)
      .u32(1);
  }
  const shown = Math.min(entries, ENTRIES_ZIP64_MIN);
  return record.u32(0x06054b50).u16(0, 0, shown, shown).u32(length, offset).u16(0).bytes;
}
