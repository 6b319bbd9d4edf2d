import { crc32 } from "node:zlib";
import { ByteWriter } from "../../core/delta/bytes.ts";

export interface ZipMember {
  name: string;
  bytes: Uint8Array;
  /** The member's data when it is deflated; else it is stored. */
  deflated: Uint8Array | undefined;
}

const little = (value: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => Math.floor(value / 256 ** i) % 256);

/** A plain archive: PKWARE APPNOTE 6.3, 4.3. */
export function makeZip(members: ZipMember[]): Uint8Array {
  const out = new ByteWriter();
  const directory = new ByteWriter();
  for (const { name, bytes, deflated } of members) {
    const data = deflated ?? bytes;
    const common = [
      little(20, 2),
      little(0, 2),
      little(deflated === undefined ? 0 : 8, 2),
      little(0, 4),
      little(crc32(bytes), 4),
      little(data.length, 4),
      little(bytes.length, 4),
      little(name.length, 2),
    ];
    for (const part of [little(0x02014b50, 4), little(20, 2), ...common, little(0, 12), little(out.length, 4)])
      directory.bytes(part);
    directory.bytes(new TextEncoder().encode(name));
    for (const part of [little(0x04034b50, 4), ...common, little(0, 2)]) out.bytes(part);
    out.bytes(new TextEncoder().encode(name));
    out.bytes(data);
  }
  const start = out.length;
  out.bytes(directory.view());
  const counts = [little(members.length, 2), little(members.length, 2), little(directory.length, 4), little(start, 4)];
  for (const part of [little(0x06054b50, 4), little(0, 4), ...counts, little(0, 2)]) out.bytes(part);
  return out.view().slice();
}
