import type { Abilities } from "./probe.ts";

/** What ext4, APFS, NTFS and most others take, in bytes of UTF-8 or units of UTF-16. */
const LONGEST = 255;

/** Names of devices on Windows, whatever the ending. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i;

type Naming = Pick<Abilities, "tells_case" | "tells_forms" | "windows_names">;

/** docs/spec/sync-client.md, LO4. @returns why this disk cannot hold the name; null when it can */
export function refusalOf(name: string, { windows_names }: Naming): string | null {
  if (name === "" || name === "." || name === "..") return "This cannot be a name.";
  if (name.includes("/") || name.includes("\0")) return "A name cannot contain “/” or NUL here.";
  const long = windows_names ? name.length : Buffer.byteLength(name);
  if (long > LONGEST)
    return `The name is too long for this disk: ${long} ${windows_names ? "characters" : "bytes"}, and ${LONGEST} fit.`;
  return windows_names ? windowsRefusal(name) : null;
}

function windowsRefusal(name: string): string | null {
  const forbidden = /[<>:"\\|?*\p{Cc}]/u.exec(name)?.[0];
  if (forbidden !== undefined) return `This disk cannot hold “${forbidden}” in a name.`;
  if (/[ .]$/.test(name)) return "This disk cannot hold names that end with a space or a dot.";
  return RESERVED.test(name) ? "This name is reserved on Windows." : null;
}

/** Names with the same key are one name on this disk. */
export function keyOf(name: string, { tells_case, tells_forms }: Naming): string {
  const formed = tells_forms ? name : name.normalize("NFC");
  if (tells_case) return formed;
  const folded = formed.toUpperCase().toLowerCase();
  return tells_forms ? folded : folded.normalize("NFC");
}
